//! `npm start [-- options]`: the set-up, then `timeweave demo` with those options.
import { join } from 'node:path'
import { runAttached } from './child.mjs'
import { packageRoot } from './places.mjs'
import { setUpClone } from './steps.mjs'
import { Reporter } from './terminal.mjs'

const options = process.argv.slice(2)
// With --json standard output belongs to the demo's JSON.
const reporter = new Reporter(options.includes('--json') ? process.stderr : process.stdout)
try {
  const libtorch = await setUpClone(reporter)
  reporter.verdict('set-up complete')
  const cli = join(packageRoot, 'dist', 'lib', 'cli', 'main.js')
  const status = await runAttached(process.execPath, [cli, 'demo', ...options], { env: { ...process.env, LIBTORCH: libtorch.path } })
  reporter.begin('demo')
  reporter.verdict(status === 0 ? 'npm start: the demo ended well' : `npm start: the demo ended with exit code ${status}`)
  process.exitCode = status
} catch (error) {
  reporter.failed(error)
  reporter.verdict('npm start failed')
  process.exitCode = 1
}
