import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadModel, train, type TrainResult } from '../index.js'
import { build } from './built.js'
import { lines, timeweave, type Json } from './command.js'
import { SPEC, trainConfig, writeClips, type MotionClips } from './motion-clips.js'

let clips: MotionClips
let result: TrainResult

test.before(async () => {
  await build()
  clips = await writeClips()
  const config = trainConfig(clips)
  // Fewer frames than the clips have: their choice then shows.
  result = await train({ ...config, model: { ...SPEC, numFrames: 3 } }).result
})

async function losses(...args: string[]): Promise<number> {
  const call = ['test', join(result.runDir, 'config.yaml'), '--checkpoint', result.last.path, '--json', ...args]
  const { status, stdout, stderr } = await timeweave(call)
  if (status !== 0) throw new Error(stderr)
  return lines(stdout)[0]?.loss
}

test.serial('the options for views say what --set says', async (t) => {
  const one = await losses()
  const pairs: [string[], string[]][] = [
    [['--clips', '2'], ['views.clips=2']],
    [
      ['--crops', '3', '--scales', '32,40'],
      ['views.crops=3', 'views.scales=[32, 40]'],
    ],
    [['--sampling', 'twice'], ['sampling={ type: twice }']],
    [
      ['--sampling', 'dense', '--clips', '3'],
      ['sampling={ type: dense }', 'views.clips=3'],
    ],
  ]
  for (const [options, sets] of pairs) {
    const loss = await losses(...options)
    t.is(loss, await losses(...sets.flatMap((set) => ['--set', set])), options.join(' '))
    t.not(loss, one, options.join(' '))
  }
  t.is(await losses('--sampling', 'uniform'), one)
  // An option leaves the other views of the configuration alone.
  t.is(await losses('--set', 'views.crops=5', '--clips', '2'), await losses('--crops', '5', '--clips', '2'))
})

test.serial('impossible views are refused', async (t) => {
  const call = ['test', join(result.runDir, 'config.yaml'), '--checkpoint', result.last.path]
  for (const args of [
    ['--crops', '4'],
    ['--clips', '0'],
    ['--scales', '32,big'],
    ['--sampling', 'random'],
  ]) {
    t.is((await timeweave([...call, ...args])).status, 2, args.join(' '))
  }
  const small = await timeweave([...call, '--scales', '16'])
  t.is(small.status, 1)
  t.regex(small.stderr, /^error\[CONFIG_INVALID\]: .*views\.scales\.0 but received 16/m)
  const many = await timeweave([...call, '--sampling', 'twice', '--clips', '3'])
  t.regex(many.stderr, /^error\[CONFIG_INVALID\]: .*views\.clips/m)
})

test.serial('a prediction of several views joins their scores', async (t) => {
  const clip = join(clips.root, 'val', '00000.mp4')
  const predict = async (...args: string[]): Promise<Json> => {
    const { status, stdout, stderr } = await timeweave([
      'predict',
      clip,
      '--checkpoint',
      result.last.path,
      '--json',
      '--top-k',
      '4',
      ...args,
    ])
    if (status !== 0) throw new Error(stderr)
    return lines(stdout)[0]
  }
  const one = await predict()
  const several = await predict('--clips', '2', '--crops', '10', '--scales', '32,48')
  t.is(one.frames.length, 3)
  t.is(several.frames.length, 6)
  t.notDeepEqual(several.predictions, one.predictions)
  const twice = await predict('--sampling', 'twice')
  t.deepEqual(twice.frames.slice(0, 3), one.frames)
  t.is(twice.frames.length, 6)
  // The list of this video alone, tested with the same views, has the loss of the scores that were predicted.
  const list = join(clips.root, 'one.txt')
  writeFileSync(list, 'val/00000.mp4 2\n')
  const loss = await losses('--set', `data.val.list=${list}`, '--clips', '2', '--crops', '10', '--scales', '32,48')
  const score = several.predictions.find(({ index }: { index: number }) => index === 2).score
  t.true(Math.abs(loss + Math.log(score)) < 1e-5, `${loss} ${score}`)
  using model = await loadModel(result.last.path, { device: 'cpu' })
  const [own] = await model.predict(clip, { topK: 4, views: { clips: 2, crops: 10, scales: [32, 48] } })
  t.deepEqual(own?.predictions, several.predictions)
  const [mean] = await model.predict(clip, { topK: 4, views: { crops: 3 }, viewMean: 'scores', sampling: { type: 'dense', stride: 2 } })
  t.true(Math.abs((mean?.predictions.reduce((sum, answer) => sum + answer.score, 0) ?? 0) - 1) < 1e-5)
  await t.throwsAsync(model.predict(clip, { views: { crops: 4 } }), { code: 'CONFIG_INVALID', message: /1, 3, 5 or 10 for views\.crops/ })
})
