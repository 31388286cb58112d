//! What comes back: events, results and predictions, all plain data.

import type { ModelSpec, TrainConfig, WeightSource } from './config.js'
import type { TimeweaveError } from './errors.js'

/** A dense array of numbers, the last dimension running fastest. */
export interface Tensor {
  data: Float32Array
  shape: number[]
}

/** One decoded picture: packed RGB, 8 bit, `width * height * 3` bytes. */
export interface Frame {
  data: Uint8Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
}

/** A video file or a folder of frames by its path, a `file:` URL, or decoded frames. */
export type VideoInput = string | URL | Frame[]

/** A network in figures. */
export interface ModelInfo {
  /** Architecture and depth, such as `tsm-50`. */
  readonly id: string
  /** Architecture. */
  readonly family: ModelSpec['arch']
  /** Learnable values. */
  readonly params: number
  /** Multiply-adds of one clip at the native size. */
  readonly macs: number
  /** Frames of a clip, side of a frame in pixels, channels of a frame. */
  readonly input: { readonly frames: number; readonly size: number; readonly channels: number }
  /** Address of the paper. */
  readonly paper: string
}

/** What one module of a network costs. */
export interface ModuleInfo {
  /** Its name, that of its parameters without their last part. */
  readonly module: string
  /** Learnable values. */
  readonly params: number
  /** Multiply-adds of one clip at the native size. */
  readonly macs: number
}

/** One weight or buffer of a network. */
export interface ParameterInfo {
  /** As in the official code. */
  readonly name: string
  readonly shape: readonly number[]
  /** Such as `float32`. */
  readonly dtype: string
}

/** What became of every weight when a file was loaded. Each weight is in `loaded`, `missing` or `reshaped`. */
export interface LoadReport {
  /** Whose names the file has; null when they are the network's own. */
  readonly source: WeightSource | null
  /** Weights that the file fills as it is. */
  readonly loaded: readonly string[]
  /** Weights that the file lacks. */
  readonly missing: readonly string[]
  /** Names of the file that the network has no place for. */
  readonly unexpected: readonly string[]
  /** Weights of another shape in the file, and what was made of them. */
  readonly reshaped: readonly {
    readonly name: string
    /** In the network. */
    readonly expected: readonly number[]
    /** In the file. */
    readonly found: readonly number[]
    readonly reason: string
  }[]
  /** Those of `missing` and `reshaped` that keep their fresh values, and why. */
  readonly initialised: readonly { readonly name: string; readonly reason: string }[]
}

/** A class and how sure the network is of it. */
export interface ClassScore {
  /** The class, from 0. */
  readonly index: number
  readonly label: string
  /** Softmax, in 0..1; of each class by itself where videos show several. */
  readonly score: number
}

/** What a network says of one input. */
export interface Prediction {
  /** The path as given, or a name for decoded frames. */
  readonly input: string
  /** Best first. */
  readonly predictions: readonly ClassScore[]
  /** Indices of the frames that were used, from 0. */
  readonly frames: readonly number[]
  readonly decodeMs: number
  readonly inferMs: number
}

/** An input of several that failed; the others went on. */
export interface PredictionFailure {
  readonly input: string
  readonly error: TimeweaveError
}

/** A sample that could not be read. */
export interface SkippedSample {
  readonly input: string
  readonly code: string
  readonly message: string
}

/** Means over the samples of one epoch; accuracies in 0..1. */
export interface EpochFigures {
  readonly loss: number
  readonly top1: number
}

/** Progress of a training run. */
export type TrainEvent =
  | {
      readonly type: 'start'
      readonly runDir: string
      readonly epochs: number
      /** Steps of one epoch. */
      readonly steps: number
      readonly trainSamples: number
      readonly valSamples: number
      /** Epochs that a resumed run has behind it. */
      readonly resumedEpochs: number
      readonly device: string
    }
  | {
      /** Once, where `init` names a file. */
      readonly type: 'init'
      readonly weights: string
      readonly report: LoadReport
    }
  | {
      readonly type: 'step'
      /** From 1. */
      readonly epoch: number
      /** Of the epoch, from 1. */
      readonly step: number
      readonly steps: number
      /** Of this step's batch. */
      readonly loss: number
      readonly lr: number
      /** Of this step's batch, in 0..1. */
      readonly top1: number
      /** Norm of the gradients before clipping; null where nothing is clipped. */
      readonly gradNorm: number | null
    }
  | {
      readonly type: 'epoch'
      /** From 1. */
      readonly epoch: number
      readonly epochs: number
      readonly train: EpochFigures
      /** Null where this epoch was not validated. */
      readonly val: (EpochFigures & { readonly top5: number; readonly mapSample: number | null; readonly mapClass: number | null }) | null
      readonly lr: number
      readonly seconds: number
      /** Part of the training time in which the network waited for clips, in 0..1. */
      readonly dataWait: number
    }
  | {
      readonly type: 'checkpoint'
      readonly path: string
      /** From 1. */
      readonly epoch: number
      /** Whether it is the best so far. */
      readonly best: boolean
    }

/** A checkpoint of a run with its figures. */
export interface RunCheckpoint {
  readonly path: string
  /** From 1. */
  readonly epoch: number
  /** In 0..1; null without validation. */
  readonly top1: number | null
  /** In 0..1; null without validation. */
  readonly top5: number | null
  /** In 0..1; null unless multi-label. Decides what is best there. */
  readonly mapSample: number | null
  /** Validation loss, else training loss. */
  readonly loss: number
}

/** What a training run leaves. */
export interface TrainResult {
  readonly runDir: string
  /** The best epoch by validation top-1 (multi-label: by the samples' mean average precision), then loss. */
  readonly best: RunCheckpoint
  readonly last: RunCheckpoint
  readonly epochs: number
  /** Of this process's part of the run. */
  readonly seconds: number
  readonly skipped: readonly SkippedSample[]
  /** The configuration with every default filled in. */
  readonly config: TrainConfig
}

/** Progress of an evaluation. */
export type EvalEvent =
  | {
      readonly type: 'start'
      readonly samples: number
      /** Batches to run. */
      readonly steps: number
      readonly device: string
    }
  | {
      readonly type: 'step'
      /** From 1. */
      readonly step: number
      readonly steps: number
      /** Samples so far. */
      readonly samples: number
      /** Over the samples so far, in 0..1. */
      readonly top1: number
    }

/** Figures of one class. */
export interface ClassResult {
  /** The class, from 0. */
  readonly index: number
  readonly label: string
  readonly samples: number
  readonly correct: number
  /** `correct / samples`, in 0..1; null without samples. */
  readonly accuracy: number | null
}

/** Figures of a network on a list; accuracies in 0..1. */
export interface EvalResult {
  readonly top1: number
  readonly top5: number
  readonly meanClassAccuracy: number
  /** Mean cross-entropy; binary, and the mean over the classes, where multi-label. */
  readonly loss: number
  /** Mean over the samples of the average precision over classes; null unless multi-label. */
  readonly mapSample: number | null
  /** Mean over the classes of the average precision over samples; null unless multi-label. */
  readonly mapClass: number | null
  /** Samples that were read. */
  readonly samples: number
  readonly skipped: readonly SkippedSample[]
  readonly perClass: readonly ClassResult[]
  /** Rows by label, columns by prediction. */
  readonly confusion: readonly (readonly number[])[]
}

/** What TIN's nets of one block say, averaged over the inputs. */
export interface InterlaceState {
  /** Name of the block's module. */
  readonly module: string
  /** In frames, one for each pair of groups. */
  readonly offsets: readonly number[]
  /** `[frames][groups]`. */
  readonly weights: readonly (readonly number[])[]
}
