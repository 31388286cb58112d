//! What the demonstration trains, on how many clips, and what it promises: the one place with its numbers.

import type { ModelSpec } from '../config.js'
import type { Expectation } from './verdict.js'

type WithoutData<S> = S extends unknown ? Omit<S, 'numClasses' | 'numFrames'> : never

/** A network of the demonstration and how it is trained. */
export interface DemoNetwork {
  /** The network but for what the data decides. */
  readonly spec: WithoutData<ModelSpec>
  /** Name for people. */
  readonly name: string
  /** Whether anything in the network looks at more than one frame. */
  readonly temporal: boolean
  /** What the network does with time: goes on after its name. */
  readonly idea: string
  /** Peak learning rate of AdamW. */
  readonly lr: number
  /** Epochs at the most. */
  readonly epochs: number
}

/** The demonstration's data set. */
export interface DemoData {
  readonly frames: number
  /** Width and height in pixels. */
  readonly size: number
  /** Clips to train on, of all classes together. */
  readonly trainClips: number
  /** Clips that decide when to stop. */
  readonly valClips: number
  /** Clips for the figures that are reported; used once, after training. */
  readonly testClips: number
}

/** All that a run of the demonstration depends on. */
export interface DemoPlan {
  readonly networks: readonly DemoNetwork[]
  readonly data: DemoData
  readonly batchSize: number
  /** A network is not trained on when its accuracy on validation clips has reached this. */
  readonly enough: number
  readonly expectation: Expectation
}

/** Offset in frames at which TIN's training begins: from half a frame (the authors' value) it needs far longer. */
export const TIN_INITIAL_OFFSET = 1

/** Largest offset that TIN can express, in frames (its specification's `offsetScale` is 4: from -2 to 2). */
export const TIN_OFFSET_LIMIT = 2

const NETWORKS: readonly DemoNetwork[] = [
  {
    spec: { arch: 'tsn', depth: 18, dropout: 0 },
    name: 'TSN, ResNet-18',
    temporal: false,
    idea: 'scores every frame by itself and averages the scores. The order of the frames cannot change its answer.',
    lr: 1e-3,
    epochs: 3,
  },
  {
    spec: { arch: 'tsm', depth: 18, dropout: 0 },
    name: 'TSM, ResNet-18',
    temporal: true,
    idea: 'is the same network, but before each block an eighth of the channels moves one frame ahead and an eighth one frame back. It costs no arithmetic.',
    lr: 1e-3,
    epochs: 8,
  },
  {
    spec: { arch: 'tin', depth: 18, dropout: 0, initialOffset: TIN_INITIAL_OFFSET },
    name: 'TIN, ResNet-18',
    temporal: true,
    idea: 'moves channels as well, but learns from the clip how far, in fractions of a frame, and how much each frame counts.',
    lr: 1e-3,
    epochs: 8,
  },
  {
    spec: { arch: 'blvnet-tam', depth: 50, dropout: 0 },
    name: 'bLVNet-TAM-50',
    temporal: true,
    idea: 'runs every second frame through a big branch and the others through a little one, and mixes three neighbouring frames channel by channel with learned weights.',
    lr: 1e-3,
    epochs: 6,
  },
]

/** Chance needs less time to be seen than learning does. */
const QUICK_CHANCE_EPOCHS = 2

function quickNetworks(): readonly DemoNetwork[] {
  const smaller = NETWORKS.filter(({ spec }) => spec.arch !== 'blvnet-tam')
  return smaller.map((network) => (network.temporal ? network : { ...network, epochs: QUICK_CHANCE_EPOCHS }))
}

/** The plan of the whole demonstration, or of the one that is over in half the time. */
export function demoPlan(quick: boolean): DemoPlan {
  return {
    networks: quick ? quickNetworks() : NETWORKS,
    data: { frames: 8, size: 48, trainClips: 480, valClips: 120, testClips: 240 },
    batchSize: 16,
    enough: quick ? 0.9 : 0.95,
    expectation: { temporalAtLeast: quick ? 0.8 : 0.9, framewiseAtMost: 0.35 },
  }
}
