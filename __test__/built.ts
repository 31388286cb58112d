//! The package as it is run: compiled, without the tests' own loader. Processes then start in a fraction of the time.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildScripts } from '../setup/build.mjs'
import { packageRoot } from '../setup/places.mjs'
import { Reporter } from '../setup/terminal.mjs'

/** The command line's entry. */
export const MAIN = join(packageRoot, 'dist', 'lib', 'cli', 'main.js')

/** Address of the package's entry, for imports. */
export const INDEX = pathToFileURL(join(packageRoot, 'dist', 'index.js')).href

/** Compiles what changed since the last time. */
export async function build(): Promise<void> {
  await buildScripts(new Reporter({ write: () => true }))
}
