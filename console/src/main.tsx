/** Starts the console in its page. */
import { render } from 'preact'
import { connection } from './live/live.ts'
import { App } from './shell/app.tsx'
import { startKeyboard } from './shell/keyboard.ts'
import { startRouting } from './shell/route.ts'
import './style/base.css'
import './style/shell.css'
import './style/drawing.css'
import './style/panel.css'
import './style/tools.css'
import './style/results.css'

startRouting()
startKeyboard()
connection.start()
render(<App />, document.getElementById('console')!)
