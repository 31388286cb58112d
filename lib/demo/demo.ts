//! The demonstration from the first clip to the report.

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { Device } from '../config.js'
import { loadModel } from '../model.js'
import type { ClipPicture, InterlaceModule, NetworkAnswer } from '../report/data.js'
import { renderPage } from '../report/page.js'
import { type DemoClips, drawClip, readPicture, readRecords, writeClips } from './clips.js'
import type { DemoSummary } from './events.js'
import { type DemoFolder, prepareFolder } from './folder.js'
import { demoPage } from './page.js'
import { runSettings } from './repeat.js'
import { demoPlan, type DemoPlan, TIN_INITIAL_OFFSET, TIN_OFFSET_LIMIT } from './settings.js'
import { type Listener, type TrainedNetwork, trainNetwork } from './train.js'
import { judge, type Verdict } from './verdict.js'

/** What a demonstration can be asked for. */
export interface DemoOptions {
  /** Folder for the clips, the runs and the report. @default 'timeweave-demo' */
  readonly out?: string
  /** Without bLVNet-TAM and with less training. @default false */
  readonly quick?: boolean
  /** Decides clips, weights and order. @default 1 */
  readonly seed?: number
  /** Folder of videos whose pictures are the backgrounds. @default drawn backgrounds */
  readonly videos?: string
  /** @default 'auto' */
  readonly device?: Device
}

/** What a demonstration found. */
export interface DemoResult {
  readonly summary: DemoSummary
  readonly verdict: Verdict
  /** Names of the networks for people, in the order of `summary.models`. */
  readonly names: readonly string[]
}

/** Seed of a demonstration that was given none. */
export const DEFAULT_SEED = 1

/** Folder of a demonstration that was given none. */
export const DEFAULT_FOLDER = 'timeweave-demo'

/** Clips over which the interlacing is averaged for the report. */
const INTERLACE_CLIPS = 40

/** What all steps of a demonstration need. */
interface Scene {
  readonly plan: DemoPlan
  readonly folder: DemoFolder
  readonly seed: number
  readonly device: Device
  readonly videos: string | undefined
  readonly listener: Listener
}

/** The first test clip of every class. */
async function examplesOf({ test, classes }: DemoClips): Promise<ClipPicture[]> {
  const records = await readRecords(test)
  const first = classes.flatMap((name, label) =>
    records
      .filter((record) => record.label === label)
      .slice(0, 1)
      .map(({ path }) => ({ path, name })),
  )
  return Promise.all(first.map(({ path, name }) => readPicture(path, name)))
}

/** What every network says of one clip. */
async function answersFor(clip: string, trained: readonly TrainedNetwork[], { device }: Scene): Promise<NetworkAnswer[]> {
  const answers: NetworkAnswer[] = []
  for (const { result, checkpoint } of trained) {
    using model = await loadModel(checkpoint, { device })
    const [prediction] = await model.predict(clip)
    answers.push({ name: result.name, predictions: (prediction?.predictions ?? []).map(({ label, score }) => ({ label, score })) })
  }
  return answers
}

/** What a trained TIN's modules do to some of the test clips, on average. */
async function interlaceOf(
  checkpoint: string,
  { test }: DemoClips,
  { device }: Scene,
): Promise<{ modules: InterlaceModule[]; clips: number }> {
  const records = (await readRecords(test)).slice(0, INTERLACE_CLIPS)
  using model = await loadModel(checkpoint, { device })
  const states = await model.interlaceState(records.map(({ path }) => path))
  const modules = states.map(({ module, offsets, weights }) => ({ module: /layer\d+\.\d+/.exec(module)?.[0] ?? module, offsets, weights }))
  return { modules, clips: records.length }
}

/** Trains all networks, one after the other. */
async function trainAll(scene: Scene, clips: DemoClips, announce: (title: string) => void): Promise<TrainedNetwork[]> {
  const trained: TrainedNetwork[] = []
  for (const network of scene.plan.networks) {
    announce(`train ${network.name}`)
    trained.push(await trainNetwork(network, { ...scene, clips }, scene.listener))
  }
  return trained
}

/** The network whose answer counts: the most accurate of those that look at time. */
function bestOf(trained: readonly TrainedNetwork[]): number {
  const rank = ({ result }: TrainedNetwork): number => (result.temporal ? result.top1 : -1)
  return trained.reduce((best, candidate, at) => (rank(candidate) > rank(trained[best] ?? candidate) ? at : best), 0)
}

/** Draws a clip that no network has seen, asks all of them, and writes the report. */
async function conclude(scene: Scene, clips: DemoClips, trained: readonly TrainedNetwork[], options: DemoOptions): Promise<DemoResult> {
  const { plan, folder, seed, videos } = scene
  const networks = trained.map(({ result }) => result)
  const verdict = judge(networks, plan.expectation)
  const drawn = await drawClip(folder.newClip, plan.data, { seed, videos }, clips.classes)
  const answers = await answersFor(drawn.path, trained, scene)
  const tin = trained.find(({ result }) => result.arch === 'tin')
  const interlace = tin === undefined ? null : await interlaceOf(tin.checkpoint, clips, scene)
  const chance = 1 / clips.classes.length
  const page = demoPage({
    networks,
    verdict,
    classes: clips.classes,
    chance,
    data: { ...plan.data, ownVideos: videos !== undefined },
    examples: await examplesOf(clips),
    interlace:
      interlace === null
        ? null
        : {
            modules: interlace.modules,
            context: { initialOffset: TIN_INITIAL_OFFSET, offsetLimit: TIN_OFFSET_LIMIT, clips: interlace.clips },
          },
    clip: await readPicture(drawn.path, drawn.label),
    answers,
    settings: runSettings(plan, options, seed),
    date: new Date().toISOString().slice(0, 10),
  })
  await writeFile(folder.report, renderPage(page))
  const predicted = answers[bestOf(trained)]?.predictions[0]?.label ?? ''
  const summary = {
    models: networks.map(({ arch, top1, epochs, seconds }) => ({ arch, top1, epochs, seconds })),
    chance,
    prediction: { input: drawn.path, expected: drawn.label, predicted },
    report: folder.report,
  }
  return { summary, verdict, names: networks.map(({ name }) => name) }
}

/**
 * Writes clips of four directions, trains networks on them, and reports what they learned.
 *
 * @throws `ABORTED` when the signal is, and whatever the steps throw; accuracies that fell short are a verdict, no error
 */
export function runDemo(options: DemoOptions, listener: Listener): Promise<DemoResult> {
  return carryOut(demoPlan(options.quick === true), options, listener)
}

/** As {@link runDemo}, with another plan. */
export async function carryOut(plan: DemoPlan, options: DemoOptions, listener: Listener): Promise<DemoResult> {
  const seed = options.seed ?? DEFAULT_SEED
  const videos = options.videos === undefined ? undefined : resolve(options.videos)
  const root = resolve(options.out ?? DEFAULT_FOLDER)
  const steps = plan.networks.length + 2
  let step = 0
  const announce = (title: string): void => listener.onEvent({ type: 'step', step: ++step, steps, title })
  announce(`write ${plan.data.trainClips + plan.data.valClips + plan.data.testClips} clips as video files`)
  const folder = await prepareFolder(root)
  const scene: Scene = { plan, folder, seed, device: options.device ?? 'auto', videos, listener }
  const onProgress = (done: number, total: number): void => {
    // A line per clip would bury what matters.
    if (done % Math.ceil(total / 20) === 0 || done === total) listener.onEvent({ type: 'progress', done, total })
  }
  const clips = await writeClips(folder.data, plan.data, { seed, videos }, { signal: listener.signal, onProgress })
  const trained = await trainAll(scene, clips, announce)
  announce('predict a new clip and write the report')
  return conclude(scene, clips, trained, options)
}
