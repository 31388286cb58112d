//! Configurations from YAML and JSON files, with errors that name file, line and column.

import { readFileSync } from 'node:fs'
import { LineCounter, isNode, parseDocument, type Document } from 'yaml'
import { TimeweaveError } from './errors.js'
import { pathOf } from './input.js'

/** A configuration and where it was written. */
export interface ConfigSource {
  readonly value: object
  /** "file:line:column" of a field such as `optimizer.lr`, or undefined where it was not read from a file. */
  place(path: string): string | undefined
}

/** Reads a configuration from a file, or takes one that is there already. */
export function readConfig(config: object | string | URL): ConfigSource {
  if (typeof config === 'string' || config instanceof URL) return readConfigFile(pathOf(config))
  if (typeof config !== 'object' || config === null) {
    throw new TimeweaveError('ARGUMENT_INVALID', `expected an object or the path of a file for config but received ${String(config)}`)
  }
  return { value: config, place: () => undefined }
}

/** Gives an error about a field the place where the field was written. */
export function withPlaces<T>(source: ConfigSource, call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (!(error instanceof TimeweaveError) || error.code !== 'CONFIG_INVALID') throw error
    const field = / for (\S+) but received /.exec(error.message)?.[1]
    const place = field === undefined ? undefined : source.place(field)
    throw place === undefined ? error : new TimeweaveError('CONFIG_INVALID', `${place}: ${error.message}`)
  }
}

function readConfigFile(file: string): ConfigSource {
  const lines = new LineCounter()
  const document = parseDocument(readText(file), { lineCounter: lines })
  const problem = document.errors[0]
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0])
    throw new TimeweaveError('CONFIG_INVALID', `${file}:${line}:${col}: ${problem.message.split('\n')[0]?.replace(/ at line.*/, '')}`)
  }
  const value: unknown = document.toJS()
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TimeweaveError('CONFIG_INVALID', `${file}:1:1: expected a configuration (keys and values) but received ${describe(value)}`)
  }
  return { value, place: (path) => placeOf(document, lines, file, path) }
}

/** The place of the field, or of the nearest one around it that was written: a missing key has none of its own. */
function placeOf(document: Document, lines: LineCounter, file: string, path: string): string {
  const keys = path.split('.')
  for (let length = keys.length; length > 0; length--) {
    const parts = keys.slice(0, length)
    const node = document.getIn(
      parts.map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
      true,
    )
    if (isNode(node) && node.range) {
      const { line, col } = lines.linePos(keyStart(document, parts) ?? node.range[0])
      return `${file}:${line}:${col}`
    }
  }
  return `${file}:1:1`
}

/** Where the key stands, which is what the reader looks for. */
function keyStart(document: Document, parts: readonly string[]): number | undefined {
  const parent = document.getIn(parts.slice(0, -1), true)
  const pairs: unknown = typeof parent === 'object' && parent !== null && 'items' in parent ? parent.items : undefined
  if (!Array.isArray(pairs)) return undefined
  for (const pair of pairs) {
    const key: unknown = pair?.key
    if (isNode(key) && 'value' in key && String(key.value) === parts.at(-1)) return key.range?.[0]
  }
  return undefined
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT')
      throw new TimeweaveError('FILE_NOT_FOUND', `expected a configuration file but received ${file}: no such file or directory`)
    throw new TimeweaveError('FILE_ACCESS', `could not read ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function describe(value: unknown): string {
  if (value === null) return 'an empty file'
  return Array.isArray(value) ? 'a list' : JSON.stringify(value)
}
