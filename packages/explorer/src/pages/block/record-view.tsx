import type { ReactNode } from 'react'
import { Button, Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import type { Opened } from '../../proof/open-block.ts'
import { SafeText } from '../../ui/safe-text.tsx'
import { download } from './download.ts'

/** A record in clear: as a table, or as exactly the text that was sealed. */
export function RecordView(props: {
  readonly opened: Opened
  /** Of the file to save it in. */
  readonly name: string
  readonly onClose: () => void
}): ReactNode {
  const { opened, name, onClose } = props
  const { bytes, text, table, media, sender, suspect } = opened
  return (
    <section className="record" aria-label="Record">
      <p>
        <SafeText text={media} />, {bytes.length.toLocaleString('en')} bytes.{' '}
        {sender === undefined ? (
          <strong>Unauthenticated: an imported block; nothing shows who wrote it.</strong>
        ) : (
          <>
            Sent by <strong>{<SafeText text={sender} />}</strong>; key signature and digest checked.
          </>
        )}
      </p>
      {suspect && <p className="warning">The sender's key was later reported stolen.</p>}
      {table !== undefined && text !== undefined ? (
        <Tabs>
          <TabList aria-label="How to show the record">
            <Tab id="table">Table</Tab>
            <Tab id="text">Exact text</Tab>
          </TabList>
          <TabPanel id="table">
            <RecordTable rows={table} />
          </TabPanel>
          <TabPanel id="text">
            <Exact text={text} />
          </TabPanel>
        </Tabs>
      ) : (
        <Exact text={text ?? ''} isBinary={text === undefined} />
      )}
      <div className="row">
        <Button className="button" onPress={() => download(name, bytes, 'application/octet-stream')}>
          Save the record
        </Button>
        <Button className="button" onPress={onClose}>
          Close the record
        </Button>
      </div>
    </section>
  )
}

function RecordTable({ rows }: { readonly rows: NonNullable<Opened['table']> }): ReactNode {
  return (
    <table className="record-table">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, value }) => (
          <tr key={name}>
            <th scope="row">
              <SafeText text={name} />
            </th>
            <td>
              <SafeText text={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Exact(props: { readonly text: string; readonly isBinary?: boolean }): ReactNode {
  if (props.isBinary === true) return <p>The record is no text: save it to look at it.</p>
  return (
    <pre>
      <SafeText text={props.text} />
    </pre>
  )
}
