//! `npm run setup`: the set-up alone. `npm run build` is the same with the steps that cost nothing when they are done.
import { setUpClone } from './steps.mjs'
import { Reporter } from './terminal.mjs'

const reporter = new Reporter(process.stdout)
try {
  await setUpClone(reporter)
  reporter.verdict('set-up complete: npm start, npm test and npx timeweave are ready')
} catch (error) {
  reporter.failed(error)
  reporter.verdict('set-up failed')
  process.exitCode = 1
}
