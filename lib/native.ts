//! Opens the native side at the first call that needs it: the loader, libtorch, then the core addon. No other file imports it.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type * as Binding from '#binding'
import { isClone, nativeFiles, nativeFolder } from '../setup/places.mjs'
import { TimeweaveError, toTimeweaveError } from './errors.js'
import { locateLibtorch, type Libtorch } from './libtorch.js'

/** The core addon's exports. */
export type Native = typeof Binding
export type { NativeJob, NativeModel } from '#binding'

interface Loader {
  /** Opens a shared library globally and for good; the system's error text, or null. */
  open(path: string): string | null
}

interface Opened {
  readonly binding: Native
  readonly libtorch: Libtorch
  /** Why CUDA's part of libtorch, though present, could not be opened; null where nothing went wrong. */
  readonly cudaProblem: string | null
}

let opened: Opened | undefined

/** The core addon; throws `LIBTORCH_MISSING` and the like where it cannot be opened. */
export function native(): Native {
  return openNative().binding
}

/** The core addon and what was opened for it. */
export function openNative(): Opened {
  opened ??= open()
  return opened
}

/** Calls the native side and gives what it throws the package's own type. */
export function callNative<T>(call: (binding: Native) => T): T {
  try {
    return call(native())
  } catch (error) {
    throw toTimeweaveError(error)
  }
}

/** As {@link callNative}, for calls that give a promise. */
export async function awaitNative<T>(call: (binding: Native) => Promise<T>): Promise<T> {
  try {
    return await call(native())
  } catch (error) {
    throw toTimeweaveError(error)
  }
}

function open(): Opened {
  const files = nativeFiles()
  const missing = [files.loader, files.core].find((file) => !existsSync(file))
  if (missing) {
    const fix = isClone
      ? 'npm run setup builds it'
      : 'npm drops optional packages at times: remove node_modules and package-lock.json, then npm install'
    throw new TimeweaveError('ADDON_MISSING', `${missing} is missing for ${process.platform}-${process.arch}\n  ${fix}`)
  }
  const libtorch = locateLibtorch()
  const require = createRequire(import.meta.url)
  const loader: Loader = require(files.loader)
  const lib = join(libtorch.path, 'lib')
  const extension = process.platform === 'darwin' ? 'dylib' : 'so'
  // Read by OpenMP when libtorch opens it. By default its threads spin while they wait for each other, which costs nothing on an
  // idle machine, but beside any other work, the decoding threads among it, steps take more than twice as long.
  process.env.OMP_WAIT_POLICY ??= 'PASSIVE'
  const problem = loader.open(join(lib, `libtorch_cpu.${extension}`))
  if (problem !== null) throw new TimeweaveError('LIBTORCH_UNUSABLE', unusable(libtorch, problem))
  // CUDA's part must be open before the first question about devices, or libtorch never looks for it again.
  const wantsCuda = libtorch.cuda && existsSync('/dev/nvidiactl')
  const cudaProblem = wantsCuda ? loader.open(join(lib, 'libtorch_cuda.so')) : null
  const binding = loadCore(require, files.core, libtorch)
  binding.setPluginDir(nativeFolder)
  // Jobs are stopped and joined before the process is torn down: a thread inside libtorch at that moment is a crash.
  process.on('exit', () => binding.shutDown())
  return { binding, libtorch, cudaProblem }
}

function loadCore(require: NodeJS.Require, file: string, libtorch: Libtorch): Native {
  try {
    return require(file)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    if (text.includes('undefined symbol')) {
      const fix = isClone ? 'npm run setup builds for it' : 'npx timeweave setup fetches the one it was built for'
      throw new TimeweaveError(
        'LIBTORCH_VERSION',
        `this build does not fit the libtorch ${libtorch.version} in ${libtorch.path}: ${text}\n  ${fix}`,
      )
    }
    throw new TimeweaveError('LIBTORCH_UNUSABLE', unusable(libtorch, text))
  }
}

function unusable(libtorch: Libtorch, problem: string): string {
  const lines = [`libtorch ${libtorch.version} in ${libtorch.path} could not be opened: ${problem}`]
  if (/GLIBC|musl/.test(problem)) lines.push('  libtorch needs glibc 2.28 or newer; Alpine and other musl systems cannot run it')
  else lines.push('  npx timeweave doctor says what was found; npx timeweave setup fetches a whole one')
  return lines.join('\n')
}
