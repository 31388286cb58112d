//! The networks, as types: one description per architecture.

/** What a frame of the clip holds: 3 channels, 10 (five pairs of optical flow) or 18 (six images). */
export type Modality = 'rgb' | 'flow' | 'rgb-diff'

/** Depth of a ResNet; `50c` has a deep stem, `50d` also pools in its shortcuts. */
export type ResnetDepth = 18 | 34 | 50 | '50c' | '50d' | 101 | 152

/** What every architecture has. */
interface SpecFields {
  /** Number of classes. */
  numClasses: number
  /** What a frame of the clip holds. @default 'rgb' */
  modality?: Modality
}

/** What TSN, TSM and TIN have. */
interface ResnetFields extends SpecFields {
  /** Frames of a clip. @default 8 */
  numFrames?: number
  /** How the logits of the frames are joined; `identity` gives every frame's, [N, T, classes]. @default 'avg' */
  consensus?: 'avg' | 'identity'
  /** A second dropout of 0.5 before the first one, as X-Temporal's backbone has. @default false */
  doubleDropout?: boolean
  /** Non-local blocks in the second and the third stage; from depth 50 on. @default false */
  nonLocal?: boolean
}

/** bLVNet-TAM (https://arxiv.org/abs/1912.00869): a big and a little branch on alternate frames, aggregated in time. */
export interface BlvnetTamSpec extends SpecFields {
  arch: 'blvnet-tam'
  /** Frames of a clip, even; the paper's `8x2` is 16. @default 16 */
  numFrames?: number
  /** Depth of the network. @default 50 */
  depth?: 50 | 101 | 152
  /** The little branch has `1/alpha` of the channels. @default 2 */
  alpha?: number
  /** The little branch has about `1/beta` of the blocks. @default 4 */
  beta?: number
  /** Taps of the temporal aggregation. @default 3 */
  blendingFrames?: number
  /** Whether there is a temporal aggregation at all. @default true */
  tam?: boolean
  /** Dropout before the classifier. @default 0.5 */
  dropout?: number
}

/** TAM-ResNet (https://arxiv.org/abs/2010.11757): a ResNet whose blocks aggregate neighbouring frames. */
export interface TamResnetSpec extends SpecFields {
  arch: 'tam-resnet'
  /** Frames of a clip; a multiple of 8 with temporal pooling. @default 8 */
  numFrames?: number
  /** Depth of the backbone. @default 18 */
  depth?: 18 | 34 | 50 | 101 | 152
  /** Taps of the temporal aggregation. @default 3 */
  blendingFrames?: number
  /** How the taps' products are joined. @default 'sum' */
  blending?: 'sum' | 'max'
  /** One weight for each channel and tap, instead of one for each pair of channels. @default true */
  depthwise?: boolean
  /** What halves the frames after the first three stages. @default 'none' */
  temporalPooling?: 'none' | 'max' | 'avg'
  /** Dropout before the classifier. @default 0.5 */
  dropout?: number
}

/** TSN (https://arxiv.org/abs/1608.00859): a ResNet on each frame, averaged. */
export interface TsnSpec extends ResnetFields {
  arch: 'tsn'
  /** Depth of the backbone. @default 18 */
  depth?: ResnetDepth
  /** Dropout before the classifier. @default 0.8 */
  dropout?: number
}

/** TSM (https://arxiv.org/abs/1811.08383): a ResNet whose blocks shift channels in time. */
export interface TsmSpec extends ResnetFields {
  arch: 'tsm'
  /** Depth of the backbone, or MobileNetV2 for it. @default 18 */
  depth?: ResnetDepth | 'mobilenet-v2'
  /** `1/shiftDiv` of the channels move in each direction. @default 8 */
  shiftDiv?: number
  /** Where the shift stands. @default 'blockres' */
  shiftPlace?: 'blockres' | 'block' | 'two-path'
  /** Every how many blocks one is shifted; `auto` is 2 from depth 101 on, else 1. @default 'auto' */
  nRound?: 'auto' | 1 | 2
  /** Shift from the past only, so that the network can follow a stream frame by frame. @default false */
  online?: boolean
  /** Dropout before the classifier. @default 0.5 */
  dropout?: number
}

/** TIN (https://arxiv.org/abs/2001.06499): a ResNet whose blocks interlace channels in time by learnt offsets. */
export interface TinSpec extends ResnetFields {
  arch: 'tin'
  /** Depth of the backbone. @default 18 */
  depth?: ResnetDepth
  /** `1/shiftDiv` of the channels are interlaced. @default 4 */
  shiftDiv?: number
  /** What the offsets are multiplied by. @default 4 */
  offsetScale?: 4 | 'frames'
  /** Offset in frames that the offset nets start from. @default 0.5 */
  initialOffset?: number
  /** Dropout before the classifier. @default 0.8 */
  dropout?: number
}

/**
 * Whose SlowFast: `x-temporal` (bare lateral convolutions of 5 taps, slow frames 0, 4, 8, ..., no bias in the classifier),
 * `fair` (pytorchvideo's: lateral convolutions with batch norm and ReLU, slow frames spread from the first to the last) or
 * `mmaction2` (bare lateral convolutions, slow frames 0, alpha, 2 alpha, ...).
 */
export type SlowFastVariant = 'x-temporal' | 'fair' | 'mmaction2'

/** SlowFast (https://arxiv.org/abs/1812.03982): a slow pathway on few frames and a thin fast one on all. */
export interface SlowFastSpec extends SpecFields {
  arch: 'slowfast'
  /** Frames of a clip; divisible by `alpha` in the variants `fair` and `mmaction2`. @default 32 */
  numFrames?: number
  /** Depth of both pathways; 200 in the variant `x-temporal` only. @default 50 */
  depth?: 50 | 101 | 152 | 200
  /** Whose SlowFast. @default 'x-temporal' */
  variant?: SlowFastVariant
  /** The slow pathway sees every `alpha`-th frame; always 4 in the variant `x-temporal`. @default 4 */
  alpha?: number
  /** The fast pathway has `1/betaInverse` of the channels. @default 8 */
  betaInverse?: number
  /** Taps of the lateral convolutions, odd. @default 5, but 7 in the variant `fair` at depth 50 with `alpha` 4 */
  fusionKernel?: number | null
  /** Dropout before the classifier. @default 0.5 */
  dropout?: number
}

/** What the pathways of SlowFast have as networks of their own. */
interface PathwayFields extends SpecFields {
  /** Depth of the pathway. @default 50 */
  depth?: 50 | 101 | 152
  /** Whose pathway. @default 'x-temporal' */
  variant?: SlowFastVariant
  /** Dropout before the classifier. @default 0.5 */
  dropout?: number
}

/** The slow pathway of SlowFast alone (https://arxiv.org/abs/1812.03982). */
export interface SlowOnlySpec extends PathwayFields {
  arch: 'slow-only'
  /** Frames of a clip. @default 8 */
  numFrames?: number
}

/** The fast pathway of SlowFast alone (https://arxiv.org/abs/1812.03982). */
export interface FastOnlySpec extends PathwayFields {
  arch: 'fast-only'
  /** Frames of a clip. @default 32 */
  numFrames?: number
}

/** What ResNet-3D and R(2+1)D have. */
interface Resnet3dFields extends SpecFields {
  /** Frames of a clip. @default 16 */
  numFrames?: number
  /** Depth of the network. @default 10 */
  depth?: 10 | 18 | 34 | 50 | 101 | 152 | 200
  /** The temporal module before the first convolution of every block. @default 'none' */
  temporalModule?: 'none' | 'tam'
  /** Dropout before the classifier. @default 0 */
  dropout?: number
}

/** ResNet-3D (https://arxiv.org/abs/1708.07632): a ResNet of 3x3x3 convolutions. */
export interface R3dSpec extends Resnet3dFields {
  arch: 'r3d'
  /** What shortcuts do where the shape changes: a convolution (B), or zeros for new channels and no gradient (A). @default 'B' */
  shortcut?: 'A' | 'B'
}

/** R(2+1)D (https://arxiv.org/abs/1711.11248): a ResNet whose convolutions are split into space and time. */
export interface R2plus1dSpec extends Resnet3dFields {
  arch: 'r2plus1d'
  /** Whether the stem ends with a max pool, as X-Temporal's configurations ask. @default false */
  maxPool?: boolean
}

/** A network, discriminated on `arch`. */
export type ModelSpec =
  | BlvnetTamSpec
  | TamResnetSpec
  | TsnSpec
  | TsmSpec
  | TinSpec
  | SlowFastSpec
  | SlowOnlySpec
  | FastOnlySpec
  | R3dSpec
  | R2plus1dSpec
