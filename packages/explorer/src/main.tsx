import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { takeDeskWord } from './desk/desk-word.ts'
import { applyTheme } from './ui/theme.ts'
import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import './ui/theme.css'
import './ui/kit.css'
import './frame/frame.css'

takeDeskWord()
applyTheme()
const root = document.getElementById('root')
if (root === null) throw new Error('the page has no place for the application')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
