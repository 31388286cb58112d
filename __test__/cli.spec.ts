import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parse, stringify } from 'yaml'
import { packageRoot } from '../setup/places.mjs'
import { build } from './built.js'
import { lines, timeweave } from './command.js'
import { temporaryFolder, writeLibtorch } from './libtorch-folder.js'
import { trainConfig, writeClip, writeClips } from './motion-clips.js'

test.before(build)

test.serial('--help names the verbs and ends with 0', async (t) => {
  const { status, stdout } = await timeweave(['--help'])
  t.is(status, 0)
  for (const verb of ['setup', 'doctor', 'models', 'prepare', 'train', 'test', 'predict', 'convert', 'bench', 'demo'])
    t.regex(stdout, new RegExp(`^  ${verb} `, 'm'))
  const help = await timeweave(['predict', '--help'])
  t.is(help.status, 0)
  for (const option of ['--json', '--device', '--checkpoint', '--top-k']) t.true(help.stdout.includes(option), option)
})

test.serial('bad usage ends with 2 and a suggestion', async (t) => {
  const verb = await timeweave(['trian', 'config.yaml'])
  t.is(verb.status, 2)
  t.regex(verb.stderr, /Did you mean train\?/)
  t.is((await timeweave(['train'])).status, 2)
  t.is((await timeweave(['predict', 'a.mp4'])).status, 2)
  t.is((await timeweave(['models', '--device', 'gpu'])).status, 2)
  t.is((await timeweave(['train', 'a.yaml', '--set', 'lr'])).status, 2)
  const option = await timeweave(['models', '--jsn'])
  t.is(option.status, 2)
  t.regex(option.stderr, /Did you mean --json\?/)
})

test.serial('without libtorch the first native call names the command that mends it', async (t) => {
  const env = { LIBTORCH: '', TIMEWEAVE_HOME: temporaryFolder(), PATH: temporaryFolder(), VIRTUAL_ENV: '', CONDA_PREFIX: '' }
  const { status, stderr } = await timeweave(['models'], { env })
  t.is(status, 1)
  t.regex(stderr, /^error\[LIBTORCH_MISSING\]: /)
  t.regex(stderr, /npx timeweave setup/)
  const doctor = await timeweave(['doctor', '--json'], { env })
  t.is(doctor.status, 1)
  t.false(lines(doctor.stdout)[0]?.ok)
})

test.serial('a libtorch of another version is refused with both versions', async (t) => {
  const { status, stderr } = await timeweave(['models'], { env: { LIBTORCH: writeLibtorch(temporaryFolder(), { version: '2.9.1' }) } })
  t.is(status, 1)
  t.regex(stderr, /^error\[LIBTORCH_VERSION\]: .*expected libtorch 2\.\d+\.x but received 2\.9\.1/)
})

test.serial('a libtorch that is damaged is said to be unusable', async (t) => {
  const { status, stderr } = await timeweave(['models'], { env: { LIBTORCH: writeLibtorch(temporaryFolder()) } })
  t.is(status, 1)
  t.regex(stderr, /^error\[LIBTORCH_UNUSABLE\]: /)
})

test.serial('a set-up that cannot reach anything says so', async (t) => {
  const env = {
    LIBTORCH: '',
    TIMEWEAVE_HOME: temporaryFolder(),
    PATH: temporaryFolder(),
    VIRTUAL_ENV: '',
    CONDA_PREFIX: '',
    TIMEWEAVE_LIBTORCH_URL: 'http://127.0.0.1:9/libtorch.zip',
  }
  const { status, stderr } = await timeweave(['setup', '--json'], { env })
  t.is(status, 1)
  t.regex(stderr, /^error\[SETUP_FAILED\]: 127\.0\.0\.1:9: /m)
})

test.serial('without the native pieces the first call says how to get them', async (t) => {
  const folder = temporaryFolder()
  cpSync(join(packageRoot, 'dist'), join(folder, 'dist'), { recursive: true })
  cpSync(join(packageRoot, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  const { status, stderr } = await timeweave(['models'], { main: join(folder, 'dist', 'lib', 'cli', 'main.js') })
  t.is(status, 1)
  t.regex(stderr, /^error\[ADDON_MISSING\]: .*core\.node|loader\.node/)
})

test.serial('setup says where libtorch is', async (t) => {
  const { status, stdout } = await timeweave(['setup', '--json'])
  t.is(status, 0)
  t.true(existsSync(join(lines(stdout)[0]?.libtorch.path, 'lib')))
})

test.serial('doctor finds everything well on a machine that is set up', async (t) => {
  const { status, stdout } = await timeweave(['doctor', '--json'])
  const [report] = lines(stdout)
  t.is(status, 0, stdout)
  t.true(report?.ok)
  t.deepEqual(
    ['Node', 'timeweave', 'addon', 'libtorch', 'CUDA', 'FFmpeg'].filter(
      (name) => !report?.findings.some((finding: { name: string }) => finding.name === name),
    ),
    [],
  )
})

test.serial('models are a table for people and one JSON document for programs', async (t) => {
  const table = await timeweave(['models'])
  t.regex(table.stdout, /^id +params/)
  const [models] = lines((await timeweave(['models', '--json'])).stdout)
  t.deepEqual(Object.keys(models?.[0] ?? {}), ['id', 'family', 'params', 'macs', 'input', 'paper'])
})

test.serial('train, test and predict go hand in hand', async (t) => {
  const folder = temporaryFolder()
  const config = join(folder, 'config.yaml')
  const clips = await writeClips()
  writeFileSync(config, stringify(trainConfig(clips)))
  const printed = await timeweave(['train', config, '--print-config', '--set', 'optimizer.lr=0.25', '--set', 'train.seed=9'])
  t.is(printed.status, 0, printed.stderr)
  t.like(parse(printed.stdout), { optimizer: { lr: 0.25 }, train: { seed: 9, labelSmoothing: 0 } })

  const trained = await timeweave(['train', config, '--json', '--set', `output.dir=${join(folder, 'run')}`])
  t.is(trained.status, 0, trained.stderr)
  const last = lines(trained.stdout).at(-1)
  t.is(last?.runDir, join(folder, 'run'))
  t.true(existsSync(last?.best.path) && existsSync(last?.last.path))
  t.regex(trained.stderr, /epoch 1\/1 .*top-1/)

  const tested = await timeweave(['test', join(folder, 'run', 'config.yaml'), '--checkpoint', last?.best.path, '--json'])
  t.is(tested.status, 0, tested.stderr)
  const [figures] = lines(tested.stdout)
  t.is(figures?.samples, 4)
  t.deepEqual([figures?.mapSample, figures?.mapClass, figures?.skipped], [null, null, []])

  const clip = await writeClip()
  const missing = join(folder, 'missing.mp4')
  const predicted = await timeweave(['predict', missing, clip, '-', '--checkpoint', last?.best.path, '--json', '--top-k', '2'], {
    stdin: `${clip}\n\n`,
  })
  t.is(predicted.status, 1)
  const answers = lines(predicted.stdout)
  t.is(answers.length, 3)
  t.deepEqual(Object.keys(answers[0] ?? {}), ['input', 'error'])
  t.deepEqual(Object.keys(answers[0]?.error), ['code', 'message'])
  t.deepEqual(Object.keys(answers[1] ?? {}), ['input', 'predictions', 'frames', 'decodeMs', 'inferMs'])
  t.deepEqual(Object.keys(answers[1]?.predictions[0]), ['index', 'label', 'score'])
  t.is(answers[1]?.predictions.length, 2)
  t.deepEqual(answers[2]?.predictions, answers[1]?.predictions)

  const pattern = await timeweave(['predict', join(clips.root, '**', '*.mp4'), '--checkpoint', last?.best.path])
  t.is(pattern.status, 0, pattern.stderr)
  t.is(pattern.stdout.match(/\.mp4 +\(decode/g)?.length, 12)
  const nothing = await timeweave(['predict', join(folder, '*.avi'), '--checkpoint', last?.best.path])
  t.is(nothing.status, 1)
  t.regex(nothing.stderr, /^error\[FILE_NOT_FOUND\]: /)
})

test.serial('a failure is one line with its code, and its place in the file', async (t) => {
  const config = join(temporaryFolder(), 'config.yaml')
  writeFileSync(config, 'model:\n  arch: tsm\n  numClasses: 4\n  numFrame: 8\ndata:\n  train: { list: a.txt }\n')
  const { status, stderr, stdout } = await timeweave(['train', config])
  t.is(status, 1)
  t.is(stdout, '')
  t.regex(stderr, /^error\[CONFIG_INVALID\]: .*config\.yaml:4:3: .*did you mean numFrames\?/)
  const absent = await timeweave(['train', '/no/such.yaml'])
  t.is(absent.status, 1)
  t.regex(absent.stderr, /^error\[FILE_NOT_FOUND\]: /)
})

test.serial('Ctrl-C ends with 130 and leaves a run that goes on', async (t) => {
  const folder = temporaryFolder()
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'config.yaml')
  writeFileSync(config, stringify({ ...trainConfig(await writeClips(), 300), output: { dir: join(folder, 'run') } }))
  const stopped = await timeweave(['train', config, '--json'], { interruptAt: /"type":"epoch"/ })
  t.is(stopped.status, 130, stopped.stderr)
  t.regex(stopped.stderr, /error\[ABORTED\]: /)
  t.true(existsSync(join(folder, 'run', 'last.safetensors')))
  const epochs = readFileSync(join(folder, 'run', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n').length
  t.true(epochs > 0)
  const again = await timeweave(['train', config, '--json', '--resume', 'auto'], { interruptAt: /"type":"start"/ })
  const [start] = lines(again.stdout.split('\n')[0] ?? '')
  t.true(start?.resumedEpochs >= 1)
  t.is(again.status, 130)
})
