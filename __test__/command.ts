//! The command line as a user runs it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { packageRoot } from '../setup/places.mjs'
import { MAIN } from './built.js'

/** How a call ended. */
export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** What a call is given besides its arguments. */
export interface CallOptions {
  env?: Record<string, string>
  cwd?: string
  stdin?: string
  /** The program. */
  main?: string
  /** Ctrl-C when this is seen on standard output. */
  interruptAt?: RegExp
}

/** Runs the command line in a process of its own. */
export async function timeweave(
  args: readonly string[],
  { env, cwd, stdin = '', main = MAIN, interruptAt }: CallOptions = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    cwd: cwd ?? packageRoot,
  })
  const output = { stdout: '', stderr: '' }
  let interrupted = false
  child.stdout.on('data', (text) => {
    output.stdout += text
    if (!interrupted && interruptAt?.test(output.stdout)) interrupted = child.kill('SIGINT')
  })
  child.stderr.on('data', (text) => (output.stderr += text))
  child.stdin.end(stdin)
  const [status] = await once(child, 'close')
  return { status, ...output }
}

/** Whatever JSON holds: each test says what it expects. */
export type Json = ReturnType<typeof JSON.parse>

/** Lines of JSON. */
export const lines = (text: string): Record<string, Json>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
