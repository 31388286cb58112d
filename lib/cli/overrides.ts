//! `--set a.b=c`: values that replace those of a configuration file.

import { parse } from 'yaml'
import type { ConfigSource } from '../config-file.js'
import { UsageError } from './verb.js'

/** A configuration as JSON. */
export type Fields = Record<string, unknown>

/** One override, taken apart. */
export interface Override {
  readonly keys: readonly string[]
  readonly value: unknown
}

/** Takes `optimizer.lr=0.1`; the value is read as YAML, so numbers, lists and null work. */
export function parseOverride(text: string, earlier: readonly Override[] = []): Override[] {
  const at = text.indexOf('=')
  const keys = text.slice(0, at).split('.')
  if (at < 1 || keys.some((key) => !key)) throw new UsageError(`expected KEY.KEY=VALUE for --set but received ${text}`)
  try {
    return [...earlier, { keys, value: parse(text.slice(at + 1)) }]
  } catch {
    return [...earlier, { keys, value: text.slice(at + 1) }]
  }
}

/** The configuration with the overrides in it; the original stays as it is. */
export function applyOverrides(config: object, overrides: readonly Override[]): Fields {
  const result: Fields = structuredClone({ ...config })
  for (const { keys, value } of overrides) {
    let place = result
    for (const key of keys.slice(0, -1)) {
      const next = place[key]
      place = isFields(next) ? next : (place[key] = {})
    }
    const last = keys.at(-1)
    if (last !== undefined) place[last] = value
  }
  return result
}

/** Places of fields: an override's own where it set the field, else where the file has it. */
export function overridden(source: ConfigSource, overrides: readonly Override[]): ConfigSource {
  const names = overrides.map(({ keys }) => keys.join('.'))
  const setting = (path: string): string | undefined => names.findLast((name) => path === name || path.startsWith(`${name}.`))
  return {
    value: source.value,
    place: (path) => {
      const name = setting(path)
      return name === undefined ? source.place(path) : `--set ${name}`
    },
  }
}

/** Whether a value has fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
