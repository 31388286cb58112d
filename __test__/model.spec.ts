import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { createModel, listModels, loadModel, modelModules, type ModelSpec, type ModuleInfo, type Tensor } from '../index.js'
import { temporaryFolder } from './libtorch-folder.js'
import { SPEC } from './motion-clips.js'

const CPU = { device: 'cpu' } as const

function clip(frames: number, size = 32): Tensor {
  const data = Float32Array.from({ length: frames * 3 * size * size }, (_, k) => Math.sin(k))
  return { data, shape: [1, frames, 3, size, size] }
}

test('every architecture is listed with its figures', (t) => {
  const models = listModels()
  t.deepEqual([...new Set(models.map(({ family }) => family))].toSorted(), [
    'blvnet-tam',
    'fast-only',
    'r2plus1d',
    'r3d',
    'slow-only',
    'slowfast',
    'tam-resnet',
    'tin',
    'tsm',
    'tsn',
  ])
  for (const { id, params, macs, input, paper } of models) {
    t.true(params > 4e5 && macs > 1e9 && input.frames > 0 && input.size > 0 && input.channels === 3, id)
    t.regex(paper, /^https:\/\/arxiv\.org\//)
  }
})

test('the figures of the modules add up to those of the network', (t) => {
  for (const { id, params, macs } of listModels().filter(({ id }) => /50|18/.test(id))) {
    const modules = modelModules(id)
    const sum = (of: (module: ModuleInfo) => number): number => modules.reduce((total, module) => total + of(module), 0)
    t.deepEqual([sum((module) => module.params), sum((module) => module.macs)], [params, macs], id)
  }
  const modules = modelModules({ arch: 'tsm', depth: 18, numClasses: 5 })
  t.deepEqual(modules.at(-1), { module: 'new_fc', params: 512 * 5 + 5, macs: 512 * 5 * 8 })
  t.throws(() => modelModules('tsm-51'), { name: 'TimeweaveError', message: /id.*received "tsm-51"/ })
})

for (const spec of [
  { arch: 'tsn', numClasses: 5 },
  { arch: 'tsm', numClasses: 5 },
  { arch: 'tin', numClasses: 5 },
  { arch: 'blvnet-tam', numClasses: 5, numFrames: 4 },
  { arch: 'tam-resnet', numClasses: 5 },
  { arch: 'slowfast', numClasses: 5, numFrames: 8 },
  { arch: 'slow-only', numClasses: 5, numFrames: 2 },
  { arch: 'fast-only', numClasses: 5, numFrames: 4 },
  { arch: 'r3d', numClasses: 5, numFrames: 4 },
  { arch: 'r2plus1d', numClasses: 5, numFrames: 4 },
] satisfies ModelSpec[]) {
  test(`${spec.arch} gives one row of logits for a clip`, async (t) => {
    using model = await createModel(spec, { ...CPU, seed: 1 })
    t.is(model.spec.arch, spec.arch)
    t.is(model.info.family, spec.arch)
    const { data, shape } = await model.forward(clip(model.spec.numFrames ?? 0))
    t.deepEqual(shape, [1, 5])
    t.true(data instanceof Float32Array && data.every(Number.isFinite))
    const features = await model.features(clip(model.spec.numFrames ?? 0))
    t.true(features.shape.length === 2 && features.shape[0] === 1)
  })
}

test('frames keep their own logits when asked, also in MobileNetV2 from the past only', async (t) => {
  const fields = { arch: 'tsm', numClasses: 5, numFrames: 4, online: true, consensus: 'identity' } as const
  for (const depth of [18, 'mobilenet-v2'] as const) {
    using model = await createModel({ ...fields, depth }, { ...CPU, seed: 1 })
    const { data, shape } = await model.forward(clip(4))
    t.deepEqual(shape, [1, 4, 5])
    const shorter = clip(4)
    shorter.data.fill(0, (3 * shorter.data.length) / 4)
    const other = await model.forward(shorter)
    t.deepEqual(other.data.slice(0, 15), data.slice(0, 15))
    t.notDeepEqual(other.data.slice(15), data.slice(15))
  }
})

test('the defaults of a spec are filled in', async (t) => {
  using model = await createModel({ arch: 'tin', numClasses: 3 }, CPU)
  t.like(model.spec, { depth: 18, numFrames: 8, shiftDiv: 4, offsetScale: 4, initialOffset: 0.5, dropout: 0.8 })
})

test('the same seed gives the same weights', async (t) => {
  const logits = async (seed: number): Promise<Float32Array> => {
    using model = await createModel(SPEC, { ...CPU, seed })
    return (await model.forward(clip(8))).data
  }
  t.deepEqual(await logits(4), await logits(4))
  t.notDeepEqual(await logits(4), await logits(5))
})

test('weights that are saved and loaded give the same logits', async (t) => {
  const path = join(temporaryFolder(), 'model.safetensors')
  using model = await createModel(SPEC, { ...CPU, classes: ['up', 'down', 'left', 'right'] })
  await model.save(path)
  t.true(existsSync(path))
  using loaded = await loadModel(path, CPU)
  t.deepEqual(loaded.spec, model.spec)
  t.deepEqual(loaded.classes, ['up', 'down', 'left', 'right'])
  const expected = (await model.forward(clip(8))).data
  t.deepEqual((await loaded.forward(clip(8))).data, expected)
  using created = await createModel(SPEC, { ...CPU, weights: path })
  t.deepEqual((await created.forward(clip(8))).data, expected)
})

test('parameters have the names of the official code', async (t) => {
  using model = await createModel(SPEC, CPU)
  const parameters = model.parameters()
  const conv = parameters.find(({ name }) => name === 'base_model.layer1.0.conv1.net.weight')
  t.deepEqual(conv, { name: 'base_model.layer1.0.conv1.net.weight', shape: [64, 64, 3, 3], dtype: 'float32' })
  t.true(parameters.some(({ name }) => name === 'new_fc.weight'))
})

test("TIN's offsets and weights can be read by block; other networks have none", async (t) => {
  const { writeClip } = await import('./motion-clips.js')
  const path = await writeClip()
  using tin = await createModel({ arch: 'tin', numClasses: 4 }, CPU)
  const state = await tin.interlaceState([path])
  t.is(state.length, 8)
  for (const { offsets, weights } of state) {
    t.is(offsets.length, 2)
    t.is(weights.length, 8)
  }
  using tsn = await createModel({ arch: 'tsn', numClasses: 4 }, CPU)
  t.deepEqual(await tsn.interlaceState([path]), [])
})
