//! Making data ready as a run: lists made and converted, frames extracted, lists checked.

import type { ListFormat } from './config.js'
import { callNative } from './native.js'
import { startRun, type Run, type RunOptions } from './run.js'

/** How to read a list. */
export interface ListReading {
  root?: string
  numClasses?: number
  format?: string
  separator?: string
  classes?: string
  part?: string
}

/** What lists are made of. */
export type ListSource =
  | { type: 'folder'; folder: string; val?: number; seed?: number }
  | { type: 'dataset'; dataset: string; annotations: string; videos?: string }
  | { type: 'list'; list: string; options?: ListReading }

/** The work to do; the fields are those of the native side, which has their defaults and checks them. */
export type PrepareConfig =
  | {
      task: 'lists'
      source: ListSource
      out: string
      to?: string
      separator?: string
      count?: boolean
      lossy?: boolean
      workers?: number
    }
  | {
      task: 'frames'
      input: string
      list?: ListReading
      out: string
      shortSide?: number | null
      quality?: number
      template?: string
      first?: number
      shard?: string
      workers?: number
      overwrite?: boolean
      damaged?: string
      listOut?: string
    }
  | { task: 'check'; lists: string[]; list?: ListReading; template?: string; decode?: boolean; out?: string; workers?: number }

/** A file that could not be used. */
export interface FailedFile {
  readonly input: string
  readonly code: string
  readonly message: string
}

/** A video that is done. */
export interface PrepareStep {
  readonly type: 'step'
  readonly done: number
  readonly total: number
  readonly input: string
  readonly error?: FailedFile
}

/** Lists that were written. */
export interface ListsResult {
  readonly lists: readonly { file: string; records: number; from: ListFormat; format: ListFormat; missing: number }[]
  readonly classes: string | null
  readonly numClasses: number | null
  /** Classes that a horizontal flip exchanges. */
  readonly mirrorPairs: readonly (readonly [number, number])[]
  /** Names with a direction whose mirror image is no class. */
  readonly unpaired: readonly string[]
  readonly failed: readonly FailedFile[]
}

/** Frames that were extracted. */
export interface FramesResult {
  readonly videos: number
  readonly extracted: number
  readonly kept: number
  readonly frames: number
  readonly failed: readonly FailedFile[]
  readonly list: string | null
}

/** What a check found. */
export interface CheckResult {
  readonly ok: boolean
  readonly lists: readonly {
    file: string
    format: ListFormat
    separator: string
    records: number
    kept: number
    fixed: number
    clean: string | null
  }[]
  /** How often each problem was found. */
  readonly found: Readonly<Record<string, number>>
  readonly problems: readonly {
    list: string
    line: number
    input: string
    action: 'dropped' | 'fixed' | 'noted'
    problem: string
    detail: string
  }[]
  readonly table: string | null
}

interface ResultOf {
  lists: ListsResult
  frames: FramesResult
  check: CheckResult
}

/** Starts the work. */
export function prepare<C extends PrepareConfig>(config: C, options: RunOptions = {}): Run<PrepareStep, ResultOf[C['task']]> {
  return startRun((onEvent) => callNative((binding) => binding.startPrepare(JSON.stringify(config), onEvent)), options)
}
