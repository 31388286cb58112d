import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { TimeweaveError, createModel, type Frame, type Model, type PredictionFailure } from '../index.js'
import { temporaryFolder } from './libtorch-folder.js'
import { SPEC, writeClip } from './motion-clips.js'

let model: Model
let clip: string

test.before(async () => {
  model = await createModel(SPEC, { device: 'cpu', seed: 2 })
  clip = await writeClip()
})
test.after.always(() => model.dispose())

function picture(seed: number): Frame {
  return { data: Uint8Array.from({ length: 40 * 30 * 3 }, (_, k) => (k * seed) % 256), width: 40, height: 30 }
}

function failure(entry: object | undefined): PredictionFailure {
  if (entry && 'error' in entry) return entry as PredictionFailure
  throw new Error('expected a failure')
}

test('a path and a file: URL are the same input', async (t) => {
  const [byPath] = await model.predict(clip)
  const [byUrl] = await model.predict(pathToFileURL(clip))
  t.deepEqual(byPath?.predictions, byUrl?.predictions)
  t.is(byUrl?.input, clip)
})

test('decoded frames are an input', async (t) => {
  const frames = Array.from({ length: 12 }, (_, k) => picture(k + 1))
  const [prediction] = await model.predict(frames)
  t.is(prediction?.frames.length, 8)
  t.true(prediction?.frames.every((index) => index >= 0 && index < 12))
})

test('topK limits the classes', async (t) => {
  const [prediction] = await model.predict(clip, { topK: 2 })
  t.is(prediction?.predictions.length, 2)
  t.true((prediction?.predictions[0]?.score ?? 0) >= (prediction?.predictions[1]?.score ?? 1))
  await t.throwsAsync(model.predict(clip, { topK: 0 }), { code: 'CONFIG_INVALID', message: /topK/ })
})

test('an input that fails among others is an entry; the others go on', async (t) => {
  const folder = temporaryFolder()
  const text = join(folder, 'text.mp4')
  const half = join(folder, 'half.mp4')
  const empty = join(folder, 'empty')
  writeFileSync(text, 'this is a text\n')
  writeFileSync(half, readFileSync(clip).subarray(0, 40))
  mkdirSync(empty)
  const missing = join(folder, 'missing.mp4')
  const answers = await model.predict([missing, clip, text, half, empty, [picture(1)]])
  t.is(answers.length, 6)
  t.false('error' in (answers[1] ?? {}))
  t.false('error' in (answers[5] ?? {}))
  t.deepEqual(
    [0, 2, 4].map((k) => failure(answers[k]).error.code),
    ['FILE_NOT_FOUND', 'NOT_A_VIDEO', 'NO_FRAMES'],
  )
  t.true('error' in (answers[3] ?? {}))
  for (const [k, path] of [missing, null, text, half, empty].entries()) {
    if (path === null) continue
    const { input, error } = failure(answers[k])
    t.is(input, path)
    t.true(error instanceof TimeweaveError)
    t.true(error.message.includes(basename(path)), error.message)
  }
})

test('a single input that fails rejects', async (t) => {
  await t.throwsAsync(model.predict('/no/such/video.mp4'), { instanceOf: TimeweaveError, code: 'FILE_NOT_FOUND', message: /video\.mp4/ })
})

test('no inputs are no predictions', async (t) => {
  t.deepEqual(await model.predict([]), [])
})

test('frames and tensors of the wrong size are refused before anything runs', async (t) => {
  const short = { data: new Uint8Array(5), width: 40, height: 30 }
  await t.throwsAsync(model.predict([short]), {
    code: 'INPUT_INVALID',
    message: /expected 3600 bytes \(40 x 30 x 3\) for frames\[0\]\[0\]\.data but received 5/,
  })
  await t.throwsAsync(model.predict(new URL('https://example.org/a.mp4')), { code: 'INPUT_INVALID', message: /a file: URL/ })
  await t.throwsAsync(model.forward({ data: new Float32Array(4), shape: [1, 2, 3] }), {
    code: 'INPUT_INVALID',
    message: /expected 6 numbers/,
  })
  await t.throwsAsync(model.forward({ data: new Float32Array(6), shape: [1, 2, 3] }), { message: /expected .* but received/ })
})

test('the event loop turns while a prediction runs', async (t) => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const big = Array.from({ length: 8 }, (_, k) => picture(k + 1))
  await model.predict(Array.from({ length: 6 }, () => big))
  clearInterval(timer)
  // With the work on this thread it would be none or one.
  t.true(turns > 5, `${turns} turns`)
})
