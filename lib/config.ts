//! The configurations, as types. Their defaults and checks live on the native side; a test compares these types with the
//! JSON Schema that it derives from its own.

import type { Preprocess, Sampling, TestViews } from './preprocess.js'
import type { ModelSpec } from './spec.js'

export type * from './preprocess.js'
export type * from './spec.js'

/** Where a network lives; `auto` is the first CUDA device where there is one, else the CPU. */
export type Device = 'auto' | 'cpu' | 'cuda' | `cuda:${number}`

/** Projects whose names for weights are known. */
export const WEIGHT_SOURCES = [
  'blvnet-tam',
  'action-recognition-pytorch',
  'big-little-net',
  'x-temporal',
  'tin',
  'tsm',
  'torchvision',
  'mmaction2',
  'pytorchvideo',
  'pyslowfast',
] as const

/** A project whose names a file of weights can have. */
export type WeightSource = (typeof WEIGHT_SOURCES)[number]

/** Data sets that are known by name. */
export const DATASETS = [
  'ucf101',
  'hmdb51',
  'jester',
  'kinetics400',
  'kinetics600',
  'kinetics700',
  'moments',
  'multi-moments',
  'something-v1',
  'something-v2',
] as const

/** The dialect of a list file; `auto` finds it from the lines and asks for a name where they could be of two. */
export type ListFormat =
  | 'auto'
  | 'path'
  | 'path-label'
  | 'path-labels'
  | 'path-frames-label'
  | 'path-frames-labels'
  | 'path-offset-frames-label'
  | 'path-start-end'
  | 'path-start-end-label'
  | 'path-start-end-labels'
  | 'id-name'
  | 'something-json'
  | 'moments-csv'
  | 'kinetics-csv'
  | 'ucf101-split'
  | 'hmdb51-split'
  | 'frame-list'

/** A data set that is known by name. */
export type DatasetId = (typeof DATASETS)[number]

/** A list file. */
export interface ListConfig {
  /** The file: a path and a label per line. */
  list: string
  /** The folder that relative paths start from. @default the list's folder */
  root?: string | null
  /** The dialect. @default 'auto' */
  format?: ListFormat
  /** What separates the columns. @default found from the lines */
  separator?: 'space' | 'comma' | 'semicolon' | null
}

/** What to do with a sample that cannot be read: stop the run, or leave it out and report it. */
export type OnError = 'error' | 'skip'

/** `torch.optim.SGD` without dampening. */
export interface SgdConfig {
  type: 'sgd'
  /** The base learning rate. @default 0.01 */
  lr?: number
  /** Part of the last step that is kept. @default 0.9 */
  momentum?: number
  /** L2 penalty that is added to the gradient. @default 0.0005 */
  weightDecay?: number
  /** Look ahead along the momentum. @default true */
  nesterov?: boolean
}

/** `torch.optim.AdamW` without amsgrad. */
export interface AdamwConfig {
  type: 'adamw'
  /** The base learning rate. @default 0.001 */
  lr?: number
  /** Decay of the first and second moments. @default [0.9, 0.999] */
  betas?: [number, number]
  /** Added to the root of the second moment. @default 1e-8 */
  eps?: number
  /** Part of the weights that each step takes away, times the rate. @default 0.01 */
  weightDecay?: number
}

/** The first epochs, in which the learning rate climbs. */
interface Warmup {
  /** Epochs of warm-up. @default 0 */
  warmupEpochs?: number
  /** By the same amount or by the same factor each iteration. @default 'linear' */
  warmupType?: 'linear' | 'exp'
  /** Where the warm-up starts, as a part of the base rate. @default 0.1 */
  warmupFactor?: number
}

/** The curve of the learning rate; all times are in epochs and may be fractions. */
export type ScheduleConfig =
  | (Warmup & {
      /** Half a cosine. */
      type: 'cosine'
      /** The rate at the end. @default 0 */
      minLr?: number
      /** Epochs from the base rate to `minLr`. @default those of the run */
      epochs?: number | null
    })
  | (Warmup & {
      /** Times `gamma` every `stepEpochs`. */
      type: 'step'
      stepEpochs: number
      /** @default 0.1 */
      gamma?: number
    })
  | (Warmup & {
      /** Times `gamma` at each of `milestones`. */
      type: 'multi-step'
      milestones: number[]
      /** @default 0.1 */
      gamma?: number
    })
  | (Warmup & {
      /** The base rate throughout. */
      type: 'constant'
    })

/** How long and in what portions. */
export interface LoopConfig {
  /** Passes over the training list. @default 50 */
  epochs?: number
  /** Clips per step. @default 8 */
  batchSize?: number
  /** One class per video, or any number of them, each by itself. @default 'crossEntropy' */
  loss?: 'crossEntropy' | 'binaryCrossEntropy'
  /** What the loss is multiplied by before the gradients; logged losses are not. @default 1 */
  lossScale?: number
  /** The largest norm of all gradients together; null does not clip. @default 20 */
  clipGradient?: number | null
  /** Part of the target spread over all classes. @default 0 */
  labelSmoothing?: number
  /** Mixes clips of a batch and their targets: the parameter of the Beta distribution of the part. @default null */
  mixup?: number | null
  /** Pastes a rectangle of another clip of the batch and mixes the targets by its area; as `mixup`. @default null */
  cutmix?: number | null
  /** Part of the batches that `mixup` and `cutmix` change. @default 1 */
  mixProbability?: number
  /** Validate every so many epochs, and after the last. @default 1 */
  evalEvery?: number
  /** A `step` event every so many steps. @default 20 */
  logEvery?: number
  /** Write what every training sample was made of to `samples.jsonl` in the run's folder. @default false */
  logSamples?: boolean
  /** Decides weights, order, augmentation and dropout. @default 1 */
  seed?: number
}

/** Everything that a training run depends on. Relative paths start from the current folder. */
export interface TrainConfig {
  /** The network. */
  model: ModelSpec
  /** Weights to start from. @default fresh ones */
  init?: {
    /** A checkpoint of ours or of another project. Weights of a related network are fitted, and the `init` event says how. */
    weights: string
    /** Whose names the file has. @default found in the names */
    from?: WeightSource | null
    /** Start with a fresh classifier where the file's does not fit; after an image network it is always fresh. @default false */
    newClassifier?: boolean
  } | null
  /** The lists and how their videos become clips. */
  data: {
    /** Training samples. */
    train: ListConfig
    /** Validation samples. @default none */
    val?: ListConfig | null
    /**
     * A known data set: its number of classes is checked, and it gives the class names where no file does and they are public, and
     * the pairs of classes that change places in a mirrored clip. @default none
     */
    dataset?: DatasetId | null
    /** A file with one class name per line. @default those of the data set, else the numbers */
    classes?: string | null
    /** Sampling of frames and the transforms. */
    preprocess?: Preprocess
    /** How videos are opened. */
    decode?: DecodeOptions
    /** Threads that decode and transform. @default 1 */
    workers?: number
    /** Batches that are made ahead of the one in use. @default 1 */
    prefetch?: number
    /** What to do with a sample that cannot be read. @default 'error' */
    onError?: OnError
  }
  /** How weights are stepped. @default { type: 'sgd' } */
  optimizer?: SgdConfig | AdamwConfig
  /** How the learning rate changes. @default { type: 'cosine' } */
  schedule?: ScheduleConfig
  /** How long and in what portions. */
  train?: LoopConfig
  /** @default 'auto' */
  device?: Device
  /** Where the run is kept. */
  output?: {
    /** The run folder. @default `runs/<arch>-<n>` with the first free n */
    dir?: string | null
  }
  /** `auto` goes on where the run folder stands, if there is one; else a run folder to go on from. @default a fresh run */
  resume?: string | null
}

/** Everything that an evaluation depends on; the network and its transforms come from the checkpoint's card. */
export interface EvalConfig {
  /** A checkpoint with a model card. */
  checkpoint: string
  /** What to evaluate on. */
  data: ListConfig & {
    /** How videos are opened. */
    decode?: DecodeOptions
    /** Threads that decode and transform. @default 1 */
    workers?: number
    /** Batches that are made ahead of the one in use. @default 1 */
    prefetch?: number
    /** What to do with a sample that cannot be read. @default 'error' */
    onError?: OnError
  }
  /** The views of each video, whose scores are joined. @default { crops: 1 } */
  views?: TestViews
  /** Joins the views by the mean of their logits or of their probabilities. @default 'logits' */
  viewMean?: 'logits' | 'scores'
  /** How frames are chosen, instead of as the checkpoint's card says. @default null */
  sampling?: Sampling | null
  /** Clips per batch; changes no figure. @default 8 */
  batchSize?: number
  /** @default 'auto' */
  device?: Device
}

/** How a video is opened. */
export interface DecodeOptions {
  /** Which decoder; `auto` reads folders as frames, and files through FFmpeg's libraries or else its programs. @default 'auto' */
  decoder?: 'auto' | 'libav' | 'ffmpeg' | 'frames'
  /** Names of the images of a frame folder, such as `img_{:05d}.jpg`. @default found by itself */
  template?: string | null
  /**
   * Read the flow pairs of a frame folder, `flow_x_00001.jpg` and `flow_y_00001.jpg`. A network of optical flow sets it for paths;
   * decoded frames hold flow only where it is set: horizontal motion in red, vertical motion in green. @default false
   */
  flow?: boolean
  /** Turn frames upright as the file's display matrix, or an image's Exif orientation, says. @default true */
  rotate?: boolean
  /** Which video stream, from 0 among the video streams. @default FFmpeg's choice */
  stream?: number | null
  /** Decoder threads per source. @default 1 */
  threads?: number
  /** A file that is cut or spoilt: refuse it (`DAMAGED_VIDEO`), or take the frames before the damage. @default 'error' */
  damaged?: 'error' | 'use'
  /** Keep what decoding a file without an index of its own has shown in the cache folder. @default true */
  indexCache?: boolean
}

/** What a prediction gives and how videos are opened. */
export interface PredictOptions {
  /** Classes to give, best first. @default 5 */
  topK?: number
  /** How videos are opened. */
  decode?: DecodeOptions
  /** The views of each video, whose scores are joined. @default { crops: 1 } */
  views?: TestViews
  /** Joins the views by the mean of their logits or of their probabilities. @default 'logits' */
  viewMean?: 'logits' | 'scores'
  /** How frames are chosen, instead of as the checkpoint's card says. @default null */
  sampling?: Sampling | null
}
