//! From videos to the network's input, as types: sampling, cuts, changes of training clips, and the views of a test.

/** Whose rules hold where the peers differ. */
export type SamplingManner = 'x-temporal' | 'tsm' | 'blvnet' | 'mmaction2'

/** How frames are chosen. */
export type Sampling =
  | {
      /** One frame out of each of `numFrames` equal parts of the video. */
      type: 'uniform'
      /** @default 'x-temporal' */
      manner?: SamplingManner
    }
  | {
      /** TSM's sampling for tests: a clip of the parts' middles and a clip of their starts. Training draws as `uniform` does. */
      type: 'twice'
    }
  | {
      /** Frames at a fixed distance, out of one window of the video; short videos go round from the end to the start. */
      type: 'dense'
      /** @default 'x-temporal' */
      manner?: SamplingManner
      /** Distance between frames. @default 1, with `tsm` and `mmaction2` 64 / numFrames */
      stride?: number | null
    }
  | {
      /** SlowFast's clip: a window of `numFrames` times `stride` frames; what lies beyond the end is the last frame. */
      type: 'slowfast'
      /** Distance between frames. @default 2 */
      stride?: number
      /** The frame rate in which `stride` counts. @default the video's own */
      targetFps?: number | null
      /** Tests: windows at whole frames, a single one in the middle; else window k of n at k/n of the free frames. @default true */
      useOffset?: boolean
    }
  | {
      /** mmaction2's clip: `numFrames` frames at the distance `stride`. */
      type: 'clip'
      /** Distance between frames. @default 1 */
      stride?: number
      /** What a clip does that reaches beyond the end: go on from the first frame, or repeat its last one. @default 'loop' */
      beyond?: 'loop' | 'repeat-last'
    }
  | {
      /** Frames at equal distances in a window of so many seconds. */
      type: 'seconds'
      /** Length of the window, in seconds. */
      duration: number
      /** Frames per second of sources that do not state them, such as folders of frames. @default none */
      fps?: number | null
    }

/** The multi-scale crop of training. */
export interface MultiScale {
  /** Fractions of the frame's shorter side. @default [1, 0.875, 0.75, 0.66] */
  scales?: number[]
  /** How many places in `scales` the width's and the height's fraction may lie apart. @default 1 */
  maxDistort?: number
  /** 13 positions instead of the 5 of corners and middle. @default true */
  morePositions?: boolean
}

/** How training clips are cut. */
export type TrainCrop =
  | {
      /** As evaluation cuts: the short side at `scaleSize`, the middle. */
      type: 'centre'
    }
  | (MultiScale & {
      /** Sides from fractions of the shorter side, at fixed places. */
      type: 'multi-scale'
    })
  | {
      /** A part of random area and form. */
      type: 'random-resized'
      /** Smallest and largest part of the frame's area. @default [0.08, 1] */
      area?: [number, number]
      /** Smallest and largest width over height. @default [3/4, 4/3] */
      aspect?: [number, number]
    }
  | {
      /** The short side at a random length, a square anywhere. */
      type: 'short-side'
      /** The shortest short side, in pixels. @default 256 */
      min?: number
      /** The longest short side, in pixels. @default 320 */
      max?: number
    }

/** Random changes of colour, in random order. */
export interface ColorJitter {
  /** Factors are drawn from `1 - brightness` to `1 + brightness`. @default 0.4 */
  brightness?: number
  /** As `brightness`, for the distance from the mean grey. @default 0.4 */
  contrast?: number
  /** As `brightness`, for the distance from the grey image. @default 0.4 */
  saturation?: number
  /** Up to this part of the circle of hues in either direction, at most 0.5. @default 0.1 */
  hue?: number
  /** Part of the clips that are changed. @default 1 */
  probability?: number
}

/** Some operations out of fourteen, all of one strength. */
export interface RandAugment {
  /** Operations per clip. @default 2 */
  operations?: number
  /** Their strength, 0 to 30. @default 9 */
  magnitude?: number
}

/** A rectangle of the clip that is filled, at the same place in all frames. */
export interface RandomErasing {
  /** Part of the clips that lose a rectangle. @default 0.25 */
  probability?: number
  /** Smallest and largest part of the frame's area. @default [0.02, 0.33] */
  area?: [number, number]
  /** Smallest and largest height over width. @default [0.3, 3.3] */
  aspect?: [number, number]
  /** The mean colour, or random colours. @default 'mean' */
  fill?: 'mean' | 'noise'
}

/** Everything that turns a video into a network's input; kept in a model's card. */
export interface Preprocess {
  /** Evaluation: the frame's shorter side, in pixels, before the middle is cut out. @default 256 */
  scaleSize?: number
  /** Side of the square that the network sees, in pixels. @default 224 */
  cropSize?: number
  /** Mean of red, green and blue, of 1. Optical flow takes 0.5, differences of images 0. @default ImageNet's */
  mean?: [number, number, number]
  /** Standard deviation of red, green and blue, of 1. Optical flow takes their mean, differences of images 1. @default ImageNet's */
  std?: [number, number, number]
  /** Which frames make the clip. @default { type: 'uniform' } */
  sampling?: Sampling
  /** Training: how clips are cut. @default { type: 'multi-scale' } */
  trainCrop?: TrainCrop
  /** Training: mirror half of the clips. Classes whose names have a direction need `flipLabels` then. @default true */
  flip?: boolean
  /** Training: pairs of classes that change places in a mirrored clip; [] where none does. @default those of `data.dataset`, else null */
  flipLabels?: [number, number][] | null
  /** Training: random changes of colour. @default null */
  colorJitter?: ColorJitter | null
  /** Training: random operations of one strength. @default null */
  randAugment?: RandAugment | null
  /** Training: a rectangle that is filled. @default null */
  randomErasing?: RandomErasing | null
}

/** Which views of a video a test looks at. */
export interface TestViews {
  /** Clips of a video. @default 1, with `twice` sampling 2 */
  clips?: number | null
  /** Crops of a frame: 1, 3, 5 or 10. @default 1 */
  crops?: number
  /** Three crops of upright frames: left, right and middle as in any frame, or top, bottom and middle. @default 'across' */
  portrait?: 'across' | 'along'
  /** Short sides in pixels; `scaleSize` alone when empty. @default [] */
  scales?: number[]
  /** Side of the crops in pixels. @default that of the model's card */
  cropSize?: number | null
}
