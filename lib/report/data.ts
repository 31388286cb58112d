//! What the sections of a report are made of: plain results, whatever program they came from.

import type { Pixels } from './png.js'

/** Figures of one epoch; accuracies in 0..1. */
export interface EpochFigures {
  /** Counted from 1. */
  readonly epoch: number
  readonly train: { readonly loss: number; readonly top1: number }
  /** `null` when the epoch was not validated. */
  readonly val: { readonly loss: number; readonly top1: number } | null
  readonly seconds: number
}

/** One trained network and how it did. */
export interface NetworkResult {
  /** Id of the architecture, such as `tsm`. */
  readonly arch: string
  /** Name for people, such as `TSM, ResNet-18`. */
  readonly name: string
  /** Whether anything in the network looks at more than one frame. */
  readonly temporal: boolean
  /** What the network does with time, in a sentence. */
  readonly idea: string
  /** Share of right answers on clips it was not trained on, 0..1. */
  readonly top1: number
  /** Epochs that were trained. */
  readonly epochs: number
  /** Wall time of training and its validations. */
  readonly seconds: number
  readonly params: number
  /** Multiply-adds for one clip, and of which size it is. */
  readonly cost: { readonly macs: number; readonly frames: number; readonly size: number }
  readonly history: readonly EpochFigures[]
  /** `confusion[true class][named class]` in clips; `null` when it was not counted. */
  readonly confusion: readonly (readonly number[])[] | null
  /** The configuration as it was resolved. */
  readonly config: string
}

/** A clip as its frames. */
export interface ClipPicture {
  readonly label: string
  readonly file: string
  readonly frames: readonly Pixels[]
}

/** What one interlacing module of TIN has learned, averaged over clips. */
export interface InterlaceModule {
  /** Name inside the network, such as `layer1.0`. */
  readonly module: string
  /** Frames by which the two groups of channels are moved. */
  readonly offsets: readonly number[]
  /** `weights[frame][group]`, between 0 and 2. */
  readonly weights: readonly (readonly number[])[]
}

/** One network's answer for one clip. */
export interface NetworkAnswer {
  readonly name: string
  readonly predictions: readonly { readonly label: string; readonly score: number }[]
}
