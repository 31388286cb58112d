//! One network of the demonstration: trained until it is good enough, then tested on clips that decided nothing.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import type { Device, TrainConfig } from '../config.js'
import { TimeweaveError } from '../errors.js'
import { evaluate } from '../evaluate.js'
import { loadModel } from '../model.js'
import type { EpochFigures, NetworkResult } from '../report/data.js'
import type { TrainEvent } from '../results.js'
import { train } from '../train.js'
import type { DemoClips } from './clips.js'
import type { DemoEvent } from './events.js'
import type { DemoFolder } from './folder.js'
import type { DemoNetwork, DemoPlan } from './settings.js'

/** What a network is trained on and where it is kept. */
export interface TrainSetting {
  readonly plan: DemoPlan
  readonly folder: DemoFolder
  readonly clips: DemoClips
  readonly seed: number
  readonly device: Device
}

/** How the caller follows the work and stops it. */
export interface Listener {
  readonly signal?: AbortSignal | undefined
  readonly onEvent: (event: DemoEvent) => void
}

/** A network's result and the weights it was reached with. */
export interface TrainedNetwork {
  readonly result: NetworkResult
  /** The best checkpoint by validation accuracy. */
  readonly checkpoint: string
}

/** The configuration that a user would write for this training. */
export function trainConfig(network: DemoNetwork, setting: TrainSetting): TrainConfig {
  const { plan, clips } = setting
  return {
    model: { ...network.spec, numClasses: clips.classes.length, numFrames: plan.data.frames },
    data: {
      train: clips.train,
      val: clips.val,
      classes: clips.classesFile,
      // A mirrored clip would show another class, and a crop at another scale another speed.
      preprocess: { scaleSize: plan.data.size, cropSize: plan.data.size, flip: false, trainCrop: { type: 'centre' } },
    },
    optimizer: { type: 'adamw', lr: network.lr },
    schedule: { type: 'cosine', warmupEpochs: 1, epochs: network.epochs },
    train: { epochs: network.epochs, batchSize: plan.batchSize, seed: setting.seed, logEvery: 5 },
    device: setting.device,
    output: { dir: join(setting.folder.runs, network.spec.arch) },
  }
}

/** What is known of a training that may have been stopped before its last epoch. */
interface Progress {
  readonly history: EpochFigures[]
  best: string | null
  /** The epoch whose accuracy was enough. */
  enough: number | null
}

function follow(event: TrainEvent, progress: Progress, network: DemoNetwork, enough: number, tell: Listener['onEvent']): void {
  const { epochs, spec } = network
  const { arch } = spec
  switch (event.type) {
    case 'start':
    case 'init':
      return
    case 'step':
      return tell({ type: 'batch', arch, epoch: event.epoch, epochs, step: event.step, steps: event.steps, loss: event.loss })
    case 'epoch': {
      const { epoch, train: figures, val, seconds } = event
      progress.history.push({
        epoch,
        train: { loss: figures.loss, top1: figures.top1 },
        val: val === null ? null : { loss: val.loss, top1: val.top1 },
        seconds,
      })
      if (val !== null && val.top1 >= enough) progress.enough ??= epoch
      return tell({
        type: 'epoch',
        arch,
        epoch,
        epochs,
        trainLoss: figures.loss,
        trainTop1: figures.top1,
        valTop1: val?.top1 ?? null,
        seconds,
      })
    }
    case 'checkpoint':
      if (event.best) progress.best = event.path
      return
    default:
      event satisfies never
  }
}

/** Trains until the last epoch or until an epoch is good enough and its checkpoint is written. */
async function trainUntilEnough(
  config: TrainConfig,
  network: DemoNetwork,
  enough: number,
  { signal, onEvent }: Listener,
): Promise<Progress> {
  const progress: Progress = { history: [], best: null, enough: null }
  const run = train(config, signal === undefined ? {} : { signal })
  let stopped = false
  try {
    for await (const event of run) {
      if (stopped) continue
      follow(event, progress, network, enough, onEvent)
      if (progress.enough !== null && event.type === 'checkpoint' && event.best && event.epoch >= progress.enough) {
        stopped = true
        run.cancel()
      }
    }
  } catch (error) {
    const own = stopped && signal?.aborted !== true && error instanceof TimeweaveError && error.code === 'ABORTED'
    if (!own) throw error
  }
  return progress
}

/** Trains and tests a network. */
export async function trainNetwork(network: DemoNetwork, setting: TrainSetting, listener: Listener): Promise<TrainedNetwork> {
  const { plan, clips, folder } = setting
  const { arch } = network.spec
  const config = trainConfig(network, setting)
  const start = performance.now()
  const { history, best } = await trainUntilEnough(config, network, network.temporal ? plan.enough : Number.POSITIVE_INFINITY, listener)
  const seconds = (performance.now() - start) / 1000
  if (best === null) throw new TimeweaveError('INTERNAL', `expected a best checkpoint from the training of ${arch} but received none`)
  const tested = await evaluate(
    { checkpoint: best, data: clips.test, batchSize: plan.batchSize, device: setting.device },
    listener.signal === undefined ? {} : { signal: listener.signal },
  ).result
  using model = await loadModel(best, { device: setting.device })
  listener.onEvent({ type: 'tested', arch, top1: tested.top1, epochs: history.length, seconds })
  return {
    checkpoint: best,
    result: {
      arch,
      name: network.name,
      temporal: network.temporal,
      idea: network.idea,
      top1: tested.top1,
      epochs: history.length,
      seconds,
      params: model.info.params,
      cost: { macs: model.info.macs, frames: model.info.input.frames, size: model.info.input.size },
      history,
      confusion: tested.confusion,
      config: await readFile(join(folder.runs, arch, 'config.yaml'), 'utf8'),
    },
  }
}
