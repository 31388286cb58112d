//! Running other programs: found on PATH, watched line by line, their output's tail kept for the failure's message.
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { constants as system } from 'node:os'
import { delimiter, join } from 'node:path'

const TAIL_LINES = 60

/**
 * @param {string} program
 * @returns {string | undefined} its full path
 */
export function which(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder || '.', program)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/**
 * Runs a short program and gives its output.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number }} [options]
 * @returns {{ ok: boolean, stdout: string, stderr: string }}
 */
export function capture(program, args, options = {}) {
  const child = spawnSync(program, args, {
    encoding: 'utf8',
    env: options.env ?? process.env,
    timeout: options.timeoutMs ?? 60_000,
    maxBuffer: 64 << 20,
    ...(options.cwd ? { cwd: options.cwd } : {}),
  })
  return { ok: child.status === 0, stdout: child.stdout ?? '', stderr: child.stderr ?? child.error?.message ?? '' }
}

/**
 * Runs a long program and calls back for every line of its output.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void, onStart?: (child: import('node:child_process').ChildProcess) => void }} [options]
 * @returns {Promise<{ status: number, tail: string }>} the exit status (128 and the signal's number if a signal ended it) and the last lines
 */
export function watch(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? process.env,
      ...(options.cwd ? { cwd: options.cwd } : {}),
    })
    options.onStart?.(child)
    /** @type {string[]} */
    const tail = []
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8')
      stream.on('data', (/** @type {string} */ text) => {
        const lines = (rest + text).split(/\r?\n|\r/)
        rest = lines.pop() ?? ''
        for (const line of lines) keep(line)
      })
      stream.on('end', () => rest && keep(rest))
    }
    /** @param {string} line */
    function keep(line) {
      tail.push(line)
      if (tail.length > TAIL_LINES) tail.shift()
      options.onLine?.(line)
    }
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ status: exitStatus(status, signal), tail: tail.join('\n') }))
  })
}

/**
 * Runs a program whose output is the user's: standard streams are shared.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>} the exit status
 */
export function runAttached(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: 'inherit',
      env: options.env ?? process.env,
      ...(options.cwd ? { cwd: options.cwd } : {}),
    })
    // The terminal sends Ctrl-C to the child too; the parent waits for its answer instead of dying first.
    const ignore = () => {}
    process.on('SIGINT', ignore)
    child.on('error', reject)
    child.on('close', (status, signal) => {
      process.off('SIGINT', ignore)
      resolve(exitStatus(status, signal))
    })
  })
}

/**
 * @param {number | null} status
 * @param {NodeJS.Signals | null} signal
 * @returns {number} the status a shell would show
 */
function exitStatus(status, signal) {
  return status ?? 128 + (signal ? system.signals[signal] : 0)
}
