//! Small clips of things that move, as real video files, and a training on them that is over in seconds.

import { join } from 'node:path'
import type { ModelSpec, TrainConfig } from '../index.js'
import { native } from '../lib/native.js'
import { startRun } from '../lib/run.js'
import { temporaryFolder } from './libtorch-folder.js'

/** A data set of motion clips on disk. */
export interface MotionClips {
  readonly root: string
  readonly trainList: string
  readonly valList: string
  readonly classesFile: string
}

const SIZE = 32
const FRAMES = 8

/** Writes clips; their four classes take turns. */
export async function writeClips(trainClips = 8, valClips = 4): Promise<MotionClips> {
  const config = { dir: temporaryFolder(), trainClips, valClips, frames: FRAMES, size: SIZE, seed: 7 }
  return startRun<{ type: string }, MotionClips>((onEvent) => native().generateMotion(JSON.stringify(config), onEvent)).result
}

/** Writes one clip and gives its path. */
export async function writeClip(label = 0): Promise<string> {
  const path = join(temporaryFolder(), 'clip.mp4')
  await native().drawMotion(JSON.stringify({ path, label, frames: FRAMES, size: SIZE, seed: 11 }))
  return path
}

/** The network that the tests train: the smallest there is. */
export const SPEC: ModelSpec = { arch: 'tsm', depth: 18, numClasses: 4, numFrames: FRAMES }

/** A training on the clips. */
export function trainConfig(clips: MotionClips, epochs = 1): TrainConfig {
  return {
    model: SPEC,
    data: {
      train: { list: clips.trainList, root: clips.root },
      val: { list: clips.valList, root: clips.root },
      classes: clips.classesFile,
      preprocess: { scaleSize: SIZE, cropSize: SIZE, flip: false, trainCrop: { type: 'centre' } },
    },
    optimizer: { type: 'adamw', lr: 0.001 },
    schedule: { type: 'constant' },
    train: { epochs, batchSize: 4, logEvery: 1, seed: 3 },
    device: 'cpu',
    output: { dir: join(temporaryFolder(), 'run') },
  }
}
