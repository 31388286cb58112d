//! The npm packages, installed only when they differ from package-lock.json.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { watch } from './child.mjs'
import { packageRoot } from './places.mjs'
import { SetupError } from './terminal.mjs'

/** @typedef {{ packages: Record<string, { version?: string, optional?: boolean }> }} Lock */

/**
 * Compares npm's record of what it installed with the lock file; no stamp of our own that could lie.
 * @param {string} root
 * @returns {boolean}
 */
export function packagesUpToDate(root) {
  const wanted = readLock(join(root, 'package-lock.json'))
  const installed = readLock(join(root, 'node_modules', '.package-lock.json'))
  if (!wanted || !installed) return false
  return Object.entries(wanted.packages).every(
    ([path, entry]) => path === '' || entry.optional || installed.packages[path]?.version === entry.version,
  )
}

// Not `npm ci`: it wants every platform's optional packages in the lock file, and mirrors that carry one platform only cannot write
// such a file. This takes the lock file's versions just the same and leaves the file as it is.
const INSTALL = ['install', '--no-save', '--no-audit', '--no-fund']

/** @param {import('./terminal.mjs').Reporter} reporter */
export async function ensurePackages(reporter) {
  reporter.begin('npm packages')
  if (packagesUpToDate(packageRoot)) return reporter.done('as in package-lock.json')
  reporter.progress('npm install')
  const beat = setInterval(() => reporter.progress('npm install'), 1000)
  const { status, tail } = await watch('npm', INSTALL, { cwd: packageRoot }).finally(() => clearInterval(beat))
  if (status !== 0)
    throw new SetupError('npm could not install the packages of package-lock.json', { fix: 'npm install --no-save', details: tail })
  reporter.done(/added \d+ packages/.exec(tail)?.[0] ?? 'installed')
}

/**
 * @param {string} file
 * @returns {Lock | undefined}
 */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
