//! Measurements of this machine as runs.

import type { DecodeOptions } from './config.js'
import { callNative } from './native.js'
import type { PrepareStep } from './prepare.js'
import { startRun, type Run, type RunOptions } from './run.js'

/** What is decoded; the defaults and checks are those of the native side. */
export interface DecodeBench {
  /** Video files and folders of frames; a clip is taken of each. */
  files: string[]
  /** Frames of a clip, at equal distances. @default 8 */
  frames?: number
  /** The short side of the resized frames, in pixels. @default 256 */
  size?: number
  /** Threads that work at once: on several files, and within a file where there are fewer files than threads. @default 1 */
  threads?: number
  /** @default 'auto' */
  decoder?: DecodeOptions['decoder']
}

/** What was measured. */
export interface DecodeSpeed {
  /** Of all threads together. */
  readonly clipsPerSecond: number
  readonly framesPerSecond: number
  /** `libav`, `ffmpeg` or `frames`, or several with a `+` between them. */
  readonly decoder: string
  /** Passes over all files that were measured. */
  readonly passes: number
  /** Each file: its pixels, its frames, and the milliseconds from opening it to the last resized frame. */
  readonly files: readonly { input: string; decoder: string; width: number; height: number; frames: number; clipMs: number }[]
}

/** Measures how fast videos become resized frames. */
export function benchDecode(config: DecodeBench, options: RunOptions = {}): Run<PrepareStep, DecodeSpeed> {
  return startRun((onEvent) => callNative((binding) => binding.startBenchDecode(JSON.stringify(config), onEvent)), options)
}
