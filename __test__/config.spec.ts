import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { train, type TrainConfig } from '../index.js'
import { resolveEvalConfig } from '../lib/evaluate.js'
import { resolveTrainConfig } from '../lib/train.js'
import { temporaryFolder } from './libtorch-folder.js'

const MINIMAL: TrainConfig = { model: { arch: 'tsm', numClasses: 4 }, data: { train: { list: 'train.txt' } } }

function file(name: string, text: string): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, text)
  return path
}

/** Checks values that the types would refuse, as plain JavaScript passes them. */
function refused(changes: object): () => unknown {
  return () => resolveTrainConfig({ ...MINIMAL, ...changes })
}

test('every default is filled in', (t) => {
  const config = resolveTrainConfig(MINIMAL)
  t.like(config.model, { arch: 'tsm', depth: 18, numFrames: 8, shiftDiv: 8, shiftPlace: 'blockres', nRound: 'auto', dropout: 0.5 })
  t.like(config.optimizer, { type: 'sgd', lr: 0.01, momentum: 0.9, weightDecay: 0.0005, nesterov: true })
  t.like(config.train, { epochs: 50, batchSize: 8, clipGradient: 20, evalEvery: 1, logEvery: 20, seed: 1 })
  t.like(config.schedule, { type: 'cosine', warmupEpochs: 0, minLr: 0 })
  t.like(config.data.preprocess, { scaleSize: 256, cropSize: 224, flip: true })
  t.is(config.device, 'auto')
  t.like(resolveEvalConfig({ checkpoint: 'a.safetensors', data: { list: 'val.txt' } }), { batchSize: 8, device: 'auto' })
})

test('a resolved configuration resolves to itself', (t) => {
  const config = resolveTrainConfig(MINIMAL)
  t.deepEqual(resolveTrainConfig(config), config)
})

test('an unknown key is an error with a suggestion', (t) => {
  t.throws(refused({ optimiser: { type: 'sgd' } }), { code: 'CONFIG_INVALID', message: /optimiser.*did you mean optimizer\?/ })
  t.throws(refused({ train: { epoch: 3 } }), { code: 'CONFIG_INVALID', message: /train\.epoch.*did you mean epochs\?/ })
  t.throws(refused({ model: { arch: 'tsm', numClasses: 4, shiftdiv: 8 } }), {
    code: 'CONFIG_INVALID',
    message: /shiftdiv.*did you mean shiftDiv\?/,
  })
})

test('an impossible value names its path, what was expected and what came', (t) => {
  t.throws(refused({ model: { arch: 'tsm', numClasses: 4, numFrames: 0 } }), {
    code: 'CONFIG_INVALID',
    message: /^expected .* for model\.numFrames but received 0/,
  })
  t.throws(refused({ model: { arch: 'blvnet-tam', numClasses: 4, numFrames: 7 } }), {
    message: /even.* for model\.numFrames but received 7/,
  })
  t.throws(refused({ model: { arch: 'tsx', numClasses: 4 } }), { message: /model\.arch.*tsx/ })
  t.throws(refused({ model: { arch: 'tsm', numClasses: 4, depth: 19 } }), { message: /model\.depth/ })
  t.throws(refused({ optimizer: { type: 'sgd', lr: -1 } }), { message: /optimizer\.lr but received -1/ })
  t.throws(refused({ optimizer: { type: 'sgd', lr: 'fast' } }), { message: /optimizer\.lr/ })
  t.throws(refused({ data: {} }), { message: /data\.train/ })
  t.throws(refused({ device: 'gpu' }), { message: /device/ })
})

test('YAML and JSON files hold the same configuration', (t) => {
  const yaml = file('a.yaml', 'model: { arch: tsm, numClasses: 4 }\ndata:\n  train:\n    list: train.txt\n')
  const json = file('a.json', JSON.stringify(MINIMAL))
  t.deepEqual(resolveTrainConfig(yaml), resolveTrainConfig(MINIMAL))
  t.deepEqual(resolveTrainConfig(json), resolveTrainConfig(MINIMAL))
})

test('an error in a file says file, line and column', (t) => {
  const wrong = file(
    'wrong.yaml',
    'model: { arch: tsm, numClasses: 4 }\ndata:\n  train:\n    list: train.txt\noptimizer:\n  type: sgd\n  lr: -1\n',
  )
  t.throws(() => resolveTrainConfig(wrong), {
    code: 'CONFIG_INVALID',
    message: /wrong\.yaml:7:3: expected .* for optimizer\.lr but received -1/,
  })
  const unknown = file('unknown.yaml', 'model: { arch: tsm, numClasses: 4 }\ndata:\n  train:\n    list: train.txt\n    rot: videos\n')
  t.throws(() => resolveTrainConfig(unknown), { message: /unknown\.yaml:5:5: .*rot/ })
  const syntax = file('syntax.yaml', 'model: { arch: tsm\ndata: 3\n')
  t.throws(() => resolveTrainConfig(syntax), { code: 'CONFIG_INVALID', message: /syntax\.yaml:\d+:\d+: / })
})

test('a file that is missing, empty or a folder is an error that names it', (t) => {
  t.throws(() => resolveTrainConfig('/no/such/config.yaml'), { code: 'FILE_NOT_FOUND', message: /config\.yaml/ })
  t.throws(() => resolveTrainConfig(file('empty.yaml', '')), { code: 'CONFIG_INVALID', message: /empty\.yaml:1:1: .*an empty file/ })
  t.throws(() => resolveTrainConfig(temporaryFolder()), { code: 'FILE_ACCESS' })
  t.throws(() => resolveTrainConfig(3 as never), { code: 'ARGUMENT_INVALID' })
})

test('a run with a wrong configuration rejects instead of throwing', async (t) => {
  const run = train({ ...MINIMAL, train: { epochs: 0 } })
  await t.throwsAsync(run.result, { code: 'CONFIG_INVALID', message: /train\.epochs but received 0/ })
})

test('lists that are missing, empty or wrong are errors that name file, line and field', async (t) => {
  const withList = (list: string): Promise<unknown> =>
    train({ ...MINIMAL, data: { train: { list } }, device: 'cpu', output: { dir: join(temporaryFolder(), 'run') } }).result
  await t.throwsAsync(withList('/no/such/list.txt'), { code: 'LIST_NOT_FOUND', message: /list\.txt/ })
  await t.throwsAsync(withList(file('empty.txt', '\n')), { code: 'EMPTY_LIST', message: /empty\.txt/ })
  await t.throwsAsync(withList(file('label.txt', 'a.mp4 0\nb.mp4 9\n')), {
    code: 'LABEL_OUT_OF_RANGE',
    message: /label\.txt.*2.*9|label\.txt:2.*9/,
  })
  await t.throwsAsync(withList(file('line.txt', 'a.mp4 0\nb.mp4\n')), { code: 'LIST_INVALID', message: /line\.txt/ })
})
