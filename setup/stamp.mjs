//! Says whether something made from sources is still as new as they are, by content and not by time: a fresh clone has fresh times.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/**
 * @param {string} root folder that the inputs are named from
 * @param {string[]} inputs files and folders below the root; absent ones count as absent
 * @param {string[]} facts further strings the outcome depends on
 * @returns {string}
 */
export function fingerprint(root, inputs, facts) {
  const hash = createHash('sha256')
  for (const file of inputs.flatMap((input) => filesBelow(join(root, input))).toSorted()) {
    hash.update(`${relative(root, file)}\0`).update(readFileSync(file))
  }
  return hash.update(facts.join('\0')).digest('hex')
}

/**
 * @param {string} stampFile
 * @param {string} value
 * @param {string[]} outputs
 * @returns {boolean} whether the outputs are there and were made from these inputs
 */
export function isFresh(stampFile, value, outputs) {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === value && outputs.every((file) => existsSync(file))
}

/**
 * @param {string} stampFile
 * @param {string} value
 */
export function writeStamp(stampFile, value) {
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, value)
}

/**
 * @param {string} path
 * @returns {string[]}
 */
function filesBelow(path) {
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return [path]
  // Tests are no part of what is made; whoever works on them need not wait for a build.
  const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.name !== 'tests')
  return entries.flatMap((entry) => filesBelow(join(path, entry.name)))
}
