import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { stringify } from 'yaml'
import { evaluate, loadModel, train, type Frame, type TrainConfig, type TrainResult } from '../index.js'
import { encodePng } from '../lib/report/png.js'
import { build } from './built.js'
import { lines, timeweave } from './command.js'
import { temporaryFolder } from './libtorch-folder.js'
import { writeClip } from './motion-clips.js'

const PAIRS = 7
const [WIDTH, HEIGHT] = [40, 32]

/** An image of one grey with a ripple. */
function grey(level: number, seed: number): Uint8Array {
  const data = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, k) => level + ((Math.trunc(k / 3) * 7 + seed * 13) % 32))
  return encodePng({ width: WIDTH, height: HEIGHT, data })
}

/** A folder of flow pairs: class 0 moves to the left, class 1 to the right. */
function writeFlow(folder: string, label: number, seed: number): void {
  mkdirSync(folder, { recursive: true })
  for (let pair = 1; pair <= PAIRS; pair++) {
    const number = String(pair).padStart(5, '0')
    writeFileSync(join(folder, `flow_x_${number}.png`), grey(label === 0 ? 60 : 164, seed + pair))
    writeFileSync(join(folder, `flow_y_${number}.png`), grey(112, seed * 3 + pair))
  }
}

const root = temporaryFolder()
let config: TrainConfig
let result: TrainResult

test.before(async () => {
  await build()
  const lists = { train: 8, val: 4 }
  for (const [name, clips] of Object.entries(lists)) {
    const records = Array.from({ length: clips }, (_, clip) => {
      writeFlow(join(root, `${name}_${clip}`), clip % 2, clip)
      // The images that the flow was made of, one more than the pairs.
      return `${name}_${clip} ${PAIRS + 1} ${clip % 2}\n`
    })
    writeFileSync(join(root, `${name}.txt`), records.join(''))
  }
  writeFileSync(join(root, 'classes.txt'), 'moving left\nmoving right\n')
  config = {
    model: { arch: 'tsn', depth: 18, numClasses: 2, numFrames: 2, modality: 'flow' },
    data: {
      train: { list: join(root, 'train.txt') },
      val: { list: join(root, 'val.txt') },
      classes: join(root, 'classes.txt'),
      preprocess: { scaleSize: 32, cropSize: 32, flip: true, flipLabels: [[0, 1]], trainCrop: { type: 'centre' } },
    },
    optimizer: { type: 'adamw', lr: 0.001 },
    schedule: { type: 'constant' },
    train: { epochs: 2, batchSize: 4, seed: 3 },
    device: 'cpu',
    output: { dir: join(root, 'run') },
  }
  result = await train(config).result
})

/** Frames in memory that hold flow. */
function frames(horizontal: number): Frame[] {
  const data = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, k) => [horizontal, 128, 0][k % 3] ?? 0)
  return Array.from({ length: PAIRS }, () => ({ data, width: WIDTH, height: HEIGHT }))
}

test.serial('optical flow is trained, tested and predicted from folders of pairs', async (t) => {
  const figures = await evaluate({ checkpoint: result.last.path, data: { list: join(root, 'val.txt') }, device: 'cpu' }).result
  t.is(figures.samples, 4)
  t.is(figures.top1, result.last.top1 ?? Number.NaN)
  using model = await loadModel(result.last.path, { device: 'cpu' })
  t.is(model.info.input.channels, 10)
  const [answer] = await model.predict(join(root, 'val_1'))
  t.deepEqual(answer?.frames, [0, 1, 2, 3, 4, 2, 3, 4, 5, 6])
  const template = { decode: { template: 'flow_{}_{:05d}.png' } }
  t.deepEqual((await model.predict(join(root, 'val_1'), template))[0]?.predictions, answer?.predictions)
})

test.serial('a flow network refuses what holds no flow and says what to do', async (t) => {
  using model = await loadModel(result.last.path, { device: 'cpu' })
  const clip = await writeClip()
  await t.throwsAsync(model.predict(clip), { code: 'NO_FLOW', message: /clip\.mp4; compute the flow of the video first/ })
  await t.throwsAsync(model.predict(frames(70)), { code: 'NO_FLOW', message: /decode\.flow: true/ })
  const [answer] = await model.predict(frames(70), { decode: { flow: true } })
  t.is(answer?.predictions.length, 2)
  await t.throwsAsync(model.predict(clip, { decode: { template: 'img_{:05d}.jpg' } }), {
    code: 'CONFIG_INVALID',
    message: /decode\.template/,
  })
  const half = join(root, 'half')
  writeFlow(half, 0, 1)
  rmSync(join(half, 'flow_y_00003.png'))
  await t.throwsAsync(model.predict(half), { code: 'FRAME_MISSING', message: /flow_y_00003\.png \(index 2\)/ })
  const colour = { ...config, model: { ...config.model, modality: 'rgb' as const }, data: { ...config.data, decode: { flow: true } } }
  await t.throwsAsync(train(colour).result, { code: 'CONFIG_INVALID', message: /data\.decode\.flow/ })
})

test.serial('the command line tests and predicts flow', async (t) => {
  const tested = await timeweave(['test', join(root, 'run', 'config.yaml'), '--checkpoint', result.last.path, '--json'])
  t.is(tested.status, 0, tested.stderr)
  t.is(lines(tested.stdout)[0]?.samples, 4)
  const predicted = await timeweave(['predict', join(root, 'val_0'), await writeClip(), '--checkpoint', result.last.path, '--json'])
  t.is(predicted.status, 1)
  const [answer, refused] = lines(predicted.stdout)
  t.is(answer?.frames.length, 10)
  t.is(refused?.error.code, 'NO_FLOW')
  const file = join(root, 'bad.yaml')
  writeFileSync(join(root, 'bad.txt'), `val_0 8 0\n${await writeClip()} 8 1\n`)
  writeFileSync(
    file,
    stringify({ ...config, data: { ...config.data, train: { list: join(root, 'bad.txt') } }, output: { dir: join(root, 'b') } }),
  )
  const trained = await timeweave(['train', file])
  t.is(trained.status, 1)
  t.regex(trained.stderr, /^error\[NO_FLOW\]: .*bad\.txt:2: .*name the folder of its images/m)
})
