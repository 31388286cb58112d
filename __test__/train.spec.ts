import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import { evaluate, loadModel, train, type TrainEvent, type TrainResult } from '../index.js'
import { trainConfig, writeClip, writeClips, type MotionClips } from './motion-clips.js'

let clips: MotionClips
let events: TrainEvent[]
let result: TrainResult

test.before(async () => {
  clips = await writeClips()
  const run = train(trainConfig(clips, 2))
  events = []
  for await (const event of run) events.push(event)
  result = await run.result
})

test('events come in order: start, steps, epochs with validation, checkpoints', (t) => {
  t.is(events[0]?.type, 'start')
  t.deepEqual(
    events.filter((event) => event.type === 'step').map(({ epoch, step, steps }) => [epoch, step, steps]),
    [
      [1, 1, 2],
      [1, 2, 2],
      [2, 1, 2],
      [2, 2, 2],
    ],
  )
  for (const event of events) {
    if (event.type === 'step') t.true(Number.isFinite(event.loss) && event.top1 >= 0 && event.top1 <= 1)
    if (event.type === 'epoch') t.true(event.val !== null && event.val.top5 === 1)
  }
  t.true(events.some((event) => event.type === 'checkpoint' && event.best))
})

test('a run leaves its folder: configuration, two checkpoints, state and log', (t) => {
  for (const name of ['config.yaml', 'last.safetensors', 'best.safetensors', 'state', 'log.jsonl'])
    t.true(existsSync(join(result.runDir, name)), name)
  const config = parse(readFileSync(join(result.runDir, 'config.yaml'), 'utf8'))
  t.is(config.model.arch, 'tsm')
  t.is(config.model.shiftDiv, 8)
  const log = readFileSync(join(result.runDir, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.true(log.some(({ epoch, step, loss, lr, top1 }) => [epoch, step, loss, lr, top1].every(Number.isFinite)))
})

test('the result names both checkpoints and the resolved configuration', (t) => {
  t.is(basename(result.best.path), 'best.safetensors')
  t.is(result.last.epoch, 2)
  t.is(result.epochs, 2)
  t.deepEqual(result.skipped, [])
  t.is(result.config.train?.labelSmoothing, 0)
})

test('the trained network is all that inference needs', async (t) => {
  using model = await loadModel(result.best.path, { device: 'cpu' })
  t.is(model.classes.length, 4)
  const clip = await writeClip(1)
  const [prediction] = await model.predict(clip)
  t.is(prediction?.input, clip)
  t.deepEqual(prediction?.predictions.map(({ index }) => index).toSorted(), [0, 1, 2, 3])
  t.true(Math.abs((prediction?.predictions.reduce((sum, { score }) => sum + score, 0) ?? 0) - 1) < 1e-5)
  t.is(prediction?.frames.length, 8)
  t.true((prediction?.decodeMs ?? -1) >= 0 && (prediction?.inferMs ?? -1) > 0)
})

test('evaluation of the last checkpoint repeats the last validation', async (t) => {
  const run = evaluate({ checkpoint: result.last.path, data: { list: clips.valList, root: clips.root }, device: 'cpu' })
  const seen: string[] = []
  for await (const { type } of run) seen.push(type)
  const figures = await run.result
  t.deepEqual([seen[0], seen.at(-1)], ['start', 'step'])
  t.is(figures.samples, 4)
  t.is(figures.top1, result.last.top1 ?? Number.NaN)
  t.true(Math.abs(figures.loss - result.last.loss) < 1e-4)
  t.is(figures.perClass.length, 4)
  t.is(
    figures.confusion.flat().reduce((sum, count) => sum + count, 0),
    4,
  )
  t.deepEqual([figures.mapSample, figures.mapClass], [null, null])
})

test('the same seed gives the same run', async (t) => {
  const again = await train(trainConfig(clips, 2)).result
  t.deepEqual([again.best.loss, again.last.loss], [result.best.loss, result.last.loss])
})

test('a run goes on where it stood and ends as if it had never stopped', async (t) => {
  const half = trainConfig(clips, 1)
  await train(half).result
  const rest = train({ ...half, train: { ...half.train, epochs: 2 }, resume: 'auto' })
  const start = (await rest[Symbol.asyncIterator]().next()).value
  t.is(start?.type === 'start' ? start.resumedEpochs : undefined, 1)
  const { last } = await rest.result
  t.is(last.loss, result.last.loss)
})

test('a configuration can be a file', async (t) => {
  const again = await train(join(result.runDir, 'config.yaml')).result.catch((error: unknown) => error)
  // Its run folder is taken: either a fresh run is refused or it goes on; both name the folder.
  t.truthy(again)
})

test('a sample that cannot be read stops the run, or is skipped and reported', async (t) => {
  const { writeFileSync, copyFileSync } = await import('node:fs')
  const config = trainConfig(clips)
  const list = join(clips.root, 'with-broken.txt')
  copyFileSync(clips.trainList, list)
  writeFileSync(join(clips.root, 'broken.mp4'), 'no video')
  writeFileSync(list, `${readFileSync(clips.trainList, 'utf8').trimEnd()}\nbroken.mp4 8 0\n`)
  const broken = { ...config.data, train: { list, root: clips.root } }
  const error = await t.throwsAsync(train({ ...config, data: broken }).result, { code: 'NOT_A_VIDEO' })
  t.true(error?.message.includes('broken.mp4'))
  const { skipped } = await train({ ...trainConfig(clips), data: { ...broken, onError: 'skip' } }).result
  t.is(skipped.length, 1)
  t.is(skipped[0]?.code, 'NOT_A_VIDEO')
  writeFileSync(list, 'broken.mp4 8 0\n')
  await t.throwsAsync(train({ ...trainConfig(clips), data: { ...broken, onError: 'skip' } }).result, {
    code: 'NO_SAMPLES',
    message: /with-broken\.txt/,
  })
})
