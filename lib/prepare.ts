//! Making data ready as a run: lists made and converted, frames extracted, lists checked.

import type { DatasetId, ListFormat } from './config.js'
import { callNative } from './native.js'
import { startRun, type Run, type RunOptions } from './run.js'

/** What separates the columns of a list. */
export type ListSeparator = 'space' | 'semicolon' | 'comma'

/** How to read a list. */
export interface ListReading {
  /** The folder that relative paths start from. @default the list's folder */
  root?: string
  /** Labels must be smaller. @default any label is taken */
  numClasses?: number
  /** The dialect, or the name of a project that writes it, such as `ibm` or `tsm`. @default 'auto' */
  format?: ListFormat | (string & {})
  /** @default found from the lines */
  separator?: ListSeparator
  /** A file of class names, for lists that name their classes. */
  classes?: string
  /** Which part of a list that holds two, as HMDB51's. */
  part?: 'train' | 'test'
}

/** What lists are made of. */
export type ListSource =
  | {
      /** A folder with a folder per class, or with such folders for `train`, `val` and `test`. */
      type: 'folder'
      folder: string
      /** The part of each class's videos that goes to validation, from 0 to below 1. @default 0 */
      val?: number
      /** Decides which. @default 0 */
      seed?: number
    }
  | {
      /** The files that a publisher ships. */
      type: 'dataset'
      dataset: DatasetId
      /** The folder with the publisher's files. */
      annotations: string
      /** The folder with the videos or frames. @default that of the annotations */
      videos?: string
    }
  | {
      /** A list, to be written in another dialect. */
      type: 'list'
      list: string
      options?: ListReading
    }

/** Lists to make or to convert. */
export interface PrepareLists {
  task: 'lists'
  source: ListSource
  /** The folder for the lists and the class names; for a single list the file. */
  out: string
  /** The dialect to write. @default 'path-label', with `count` 'path-frames-label' */
  to?: ListFormat | (string & {})
  /** @default the dialect's own */
  separator?: ListSeparator
  /** Open every video and write how many frames it has. @default false */
  count?: boolean
  /** Leave out what the dialect cannot hold instead of refusing (`LIST_LOSSY`). @default false */
  lossy?: boolean
  /** Videos at once. @default one per processor */
  workers?: number
}

/** Frames to extract; folders that are there already and fit are kept. */
export interface PrepareFrames {
  task: 'frames'
  /** A list, or a folder with videos at any depth. */
  input: string
  /** How to read the list. */
  list?: ListReading
  /** The folder for the frames; each video's are in a folder with its path, without the ending. */
  out: string
  /** The shorter side in pixels; null keeps the size. @default 256 */
  shortSide?: number | null
  /** Of JPEG, 1 to 100. @default 90 */
  quality?: number
  /** Names of the images, `.jpg` or `.png`. @default 'img_{:05d}.jpg' */
  template?: string
  /** The number of the first image. @default 1 */
  first?: number
  /** `K/N`: of every N videos the K-th, from 1. @default all */
  shard?: string
  /** Videos at once. @default one per processor */
  workers?: number
  /** Replace folders that were made of other files or with other settings. @default false */
  overwrite?: boolean
  /** What to do with a video that is cut or spoilt: name it as failed, or take the frames before the damage. @default 'error' */
  damaged?: 'error' | 'use'
  /** Where to write the list of the folders, with the number of frames of each. @default nowhere */
  listOut?: string
}

/** Lists to check against the files that they name. */
export interface PrepareCheck {
  task: 'check'
  /** The lists of a data set, the one to train on first: a video that is in several stays in the last. */
  lists: string[]
  /** How to read them. */
  list?: ListReading
  /** Names of the images in frame folders; for optical flow with a place for the axis, `flow_{x|y}_{:05d}.jpg`. @default found */
  template?: string
  /** Decode every frame instead of the first and the last. @default false */
  decode?: boolean
  /** The folder for the clean lists and the table of problems. @default none are written */
  out?: string
  /** Videos at once. @default one per processor */
  workers?: number
}

/** The work to do; the native side has the defaults and checks. */
export type PrepareConfig = PrepareLists | PrepareFrames | PrepareCheck

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

/** What each kind of work gives. */
export interface PrepareResult {
  lists: ListsResult
  frames: FramesResult
  check: CheckResult
}

/**
 * Makes data ready: lists are made or converted, frames extracted, lists checked. Relative paths start from the current folder.
 * Videos that fail are entries of the result; the run fails only when the work as a whole cannot be done.
 */
export function prepare<C extends PrepareConfig>(config: C, options: RunOptions = {}): Run<PrepareStep, PrepareResult[C['task']]> {
  return startRun((onEvent) => callNative((binding) => binding.startPrepare(JSON.stringify(config), onEvent)), options)
}
