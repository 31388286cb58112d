//! Checkpoints of other projects: converted, loaded, and refused with their codes.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import {
  convert,
  createModel,
  loadModel,
  type ConvertReport,
  type Model,
  type ModelSpec,
  type Tensor,
  type TrainEvent,
  type WeightSource,
} from '../index.js'
import { packageRoot } from '../setup/places.mjs'
import { MAIN, build } from './built.js'
import { temporaryFolder } from './libtorch-folder.js'
import { trainConfig, writeClips } from './motion-clips.js'

const CPU = { device: 'cpu' } as const
const SPEC = { arch: 'tsm', numClasses: 4, numFrames: 4 } satisfies ModelSpec
const CHECKPOINTS = join(process.env.TIMEWEAVE_FIXTURES ?? fileURLToPath(new URL('../fixtures', import.meta.url)), 'checkpoints')
const CLIP: Tensor = { data: Float32Array.from({ length: 4 * 3 * 32 * 32 }, (_, k) => Math.sin(k)), shape: [1, 4, 3, 32, 32] }

test.before(build)

function timeweave(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...args], { cwd: packageRoot, encoding: 'utf8' })
}

async function logits(model: Model): Promise<Float32Array> {
  return (await model.forward(CLIP)).data
}

/** A network and a file of it as another project writes it. */
async function official(folder: string, names: WeightSource): Promise<{ expected: Float32Array; file: string }> {
  const own = join(folder, 'own.safetensors')
  const file = join(folder, `${names}.pth`)
  using model = await createModel(SPEC, { ...CPU, seed: 1 })
  await model.save(own)
  await convert(own, file, { names })
  return { expected: await logits(model), file }
}

test('a checkpoint of another project loads with its names and gives the same logits', async (t) => {
  const { expected, file } = await official(temporaryFolder(), 'mmaction2')
  using created = await createModel(SPEC, { ...CPU, weights: file })
  t.deepEqual(await logits(created), expected)
  t.is(created.loadReport?.source, 'mmaction2')
  t.is(created.loadReport?.loaded.length, created.parameters().length)
  t.deepEqual(created.loadReport?.unexpected, [])
  using loaded = await loadModel(file, { ...CPU, spec: SPEC, from: 'mmaction2' })
  t.deepEqual(await logits(loaded), expected)
  using fresh = await createModel(SPEC, CPU)
  t.is(fresh.loadReport, null)
})

test('a file without a card asks for a spec', async (t) => {
  const { file } = await official(temporaryFolder(), 'mmaction2')
  await t.throwsAsync(loadModel(file, CPU), { code: 'CHECKPOINT_WITHOUT_CARD', message: /pass a spec/ })
})

test('with --arch the file gets our names and a card, and needs no spec any more', async (t) => {
  const folder = temporaryFolder()
  const { expected, file } = await official(folder, 'mmaction2')
  const output = join(folder, 'ours.safetensors')
  const { status, stdout, stderr } = timeweave('convert', file, output, '--arch', 'tsm', '--set', 'numFrames=4', '--json')
  t.is(status, 0, stderr)
  const report: ConvertReport = JSON.parse(stdout)
  t.like(report, { source: 'mmaction2', to: 'safetensors', names: null, missing: [], unexpected: [], reshaped: [], leftOut: [] })
  t.like(report.spec, { arch: 'tsm', depth: 18, numClasses: 4, numFrames: 4 })
  t.is(report.loaded.length, report.tensors)
  using model = await loadModel(output, CPU)
  t.deepEqual(await logits(model), expected)
  const text = timeweave('convert', file, output, '--arch', 'tsm-18')
  t.is(text.status, 0, text.stderr)
  t.regex(text.stdout, /loaded by the names of mmaction2/)
})

test('without --arch every tensor keeps its name, and the containers are taken off', (t) => {
  const folder = temporaryFolder()
  for (const output of ['out.safetensors', 'out.pth']) {
    const place = join(folder, output)
    const { status, stdout, stderr } = timeweave('convert', join(CHECKPOINTS, 'tiny_dataparallel_legacy.pth.tar'), place, '--json')
    t.is(status, 0, stderr)
    const report: ConvertReport = JSON.parse(stdout)
    t.deepEqual(report.readAs, { format: 'legacy', container: 'state_dict', moduleRemoved: true })
    t.true(report.loaded.length === report.tensors && report.loaded.every((name) => !name.startsWith('module.')))
    t.true(existsSync(place))
  }
})

test('bad files end with exit code 1 and their code, within seconds, and leave nothing', (t) => {
  const folder = temporaryFolder()
  const output = join(folder, 'out.safetensors')
  for (const [file, code] of [
    ['os_system.pth', 'CHECKPOINT_REFUSED'],
    ['truncated_half.pth', 'CHECKPOINT_TRUNCATED'],
    ['html_error_page.pth', 'CHECKPOINT_UNREADABLE'],
  ] as const) {
    const { status, stderr } = timeweave('convert', join(CHECKPOINTS, 'bad', file), output, '--json')
    t.is(status, 1)
    t.true(stderr.startsWith(`error[${code}]: `) && stderr.includes(file), stderr)
  }
  const long = join(folder, 'long.safetensors')
  writeFileSync(long, Buffer.concat([Buffer.from([0, 0, 0, 0xf0, 0, 0, 0, 0]), Buffer.from('{}')]))
  const { stderr } = timeweave('convert', long, output)
  t.regex(stderr, /^error\[CHECKPOINT_TOO_LARGE\]: /)
  t.false(existsSync(output))
})

test('what cannot be meant is refused before anything is written', (t) => {
  const folder = temporaryFolder()
  const file = join(folder, 'tiny.pth')
  copyFileSync(join(CHECKPOINTS, 'tiny_plain.pth'), file)
  mkdirSync(join(folder, 'folder.pth'))
  const before = readFileSync(file)
  t.regex(timeweave('convert', file, file).stderr, /error\[INPUT_INVALID\]: expected another file than the input/)
  t.deepEqual(readFileSync(file), before)
  t.regex(timeweave('convert', file, join(folder, 'folder.pth')).stderr, /expected the name of a file/)
  t.regex(timeweave('convert', file, join(folder, 'out.onnx')).stderr, /\.safetensors or \.pth/)
  t.is(timeweave('convert', file).status, 2)
  t.is(timeweave('convert', file, join(folder, 'out.pth'), '--from', 'caffe').status, 2)
  t.regex(timeweave('convert', file, join(folder, 'out.pth'), '--arch', 'tsm').stderr, /error\[CHECKPOINT_(MISMATCH|NAMES_UNKNOWN)\]/)
})

test('a training says what it starts from', async (t) => {
  const folder = temporaryFolder()
  const { file } = await official(folder, 'torchvision')
  const config = join(folder, 'config.json')
  writeFileSync(config, JSON.stringify({ ...trainConfig(await writeClips()), init: { weights: file, newClassifier: true } }))
  const set = ['--set', 'model.arch=tin', '--set', 'model.dropout=0.5']
  const { status, stdout, stderr } = timeweave('train', config, '--json', ...set)
  t.is(status, 0, stderr)
  t.regex(stderr, /starting from .*torchvision\.pth: .* loaded by the names of torchvision; .*offset and weight nets/)
  const events: TrainEvent[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const start = events.find((event) => event.type === 'init')
  t.is(start?.weights, file)
  t.true((start?.report.initialised.length ?? 0) > 0)
})

test('weights of a related network start one only when that is asked for', async (t) => {
  const folder = temporaryFolder()
  const { file } = await official(folder, 'torchvision')
  const flow = { ...SPEC, numClasses: 7, modality: 'flow' } satisfies ModelSpec
  await t.throwsAsync(createModel(flow, { ...CPU, weights: file }), { code: 'CHECKPOINT_MISMATCH', message: /base_model\.conv1\.weight/ })
  using model = await createModel(flow, { ...CPU, weights: file, adapt: true })
  const { reshaped = [], initialised = [] } = model.loadReport ?? {}
  t.regex(reshaped.find(({ name }) => name === 'base_model.conv1.weight')?.reason ?? '', /mean over RGB/)
  t.deepEqual(initialised.map(({ name }) => name).toSorted(), ['new_fc.bias', 'new_fc.weight'])
  using again = await createModel({ ...SPEC, numClasses: 7 }, { ...CPU, weights: file, newClassifier: true })
  t.is(again.loadReport?.initialised.length, 2)
})
