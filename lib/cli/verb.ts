//! What every verb has: --json, --device, --help, and the way its failures end.

import { Command, InvalidArgumentError, Option } from 'commander'
import type { Device } from '../config.js'

/** Options that every verb takes. */
export interface CommonOptions {
  json?: boolean
  device?: Device
}

/** What `--decoder` takes. */
export const DECODERS = ['auto', 'libav', 'ffmpeg', 'frames'] as const

/** What can be done with a file that is cut or spoilt. */
export const DAMAGED = ['error', 'use'] as const

/** `--damaged`. */
export function damagedOption(): Option {
  return new Option(
    '--damaged <what>',
    'refuse a video that is cut or spoilt, or take the frames before the damage (default: error)',
  ).choices(DAMAGED)
}

/** The failure with the option's name on the command line instead of that in a configuration. */
export function namesOption<F extends { readonly message: string }>(failure: F): F {
  return { ...failure, message: failure.message.replace(/`decode\.damaged: 'use'`/, '`--damaged use`') }
}

/** A failure that was reported already and only has an exit code left. */
export class ExitCode extends Error {
  readonly code: number

  constructor(code: number) {
    super(`exit code ${code}`)
    this.code = code
  }
}

/** A call that cannot be meant; ends with exit code 2. */
export class UsageError extends Error {}

/** A verb with the options that all of them have. */
export function verb(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(new Option('--device <device>', 'cpu, cuda, cuda:N or auto').argParser(parseDevice))
    .option('--json', 'JSON on standard output; what is for people goes to standard error')
    .showHelpAfterError('(add --help for the options)')
    .showSuggestionAfterError()
}

/** Takes the four forms of a device. */
export function parseDevice(text: string): Device {
  if (text === 'auto' || text === 'cpu' || text === 'cuda') return text
  const index = /^cuda:(\d+)$/.exec(text)?.[1]
  if (index === undefined) throw new InvalidArgumentError('expected cpu, cuda, cuda:N or auto.')
  return `cuda:${Number(index)}`
}

/** Takes a whole number of at least 1. */
export function parseCount(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1) throw new InvalidArgumentError('expected a whole number of at least 1.')
  return count
}

/** The fields that have a value: options that were not given leave the defaults to the native side. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}
