/** Eight characters of each end are enough to tell hashes of one page apart; comparing takes all. */
export function shortHash(value: string): string {
  return value.length <= 20 ? value : `${value.slice(0, 8)}…${value.slice(-8)}`
}
