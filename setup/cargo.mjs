//! Runs cargo with the arguments given and LIBTORCH set: `node setup/cargo.mjs bench --workspace`.
import { runAttached } from './child.mjs'
import { cargoEnvironment } from './build.mjs'
import { packageRoot } from './places.mjs'
import { ensureLibtorch } from './steps.mjs'
import { Reporter } from './terminal.mjs'
import { addCargoToPath } from './tools.mjs'

const reporter = new Reporter(process.stderr)
try {
  addCargoToPath()
  const libtorch = await ensureLibtorch(reporter)
  process.exitCode = await runAttached('cargo', process.argv.slice(2), { cwd: packageRoot, env: cargoEnvironment(libtorch) })
} catch (error) {
  reporter.failed(error)
  process.exitCode = 1
}
