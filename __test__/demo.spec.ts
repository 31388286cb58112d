//! The demonstration: its verdict, its folder, and one small run through everything that the real one does.

import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { requireKept } from '../lib/cli/demo.js'
import { carryOut } from '../lib/demo/demo.js'
import type { DemoEvent } from '../lib/demo/events.js'
import { prepareFolder } from '../lib/demo/folder.js'
import { repeatCommand } from '../lib/demo/repeat.js'
import { demoPlan, type DemoPlan } from '../lib/demo/settings.js'
import { headline, judge } from '../lib/demo/verdict.js'

const EXPECTATION = { temporalAtLeast: 0.9, framewiseAtMost: 0.35 }

function scores(tsn: number, tsm: number) {
  return [
    { name: 'TSN', temporal: false, top1: tsn },
    { name: 'TSM', temporal: true, top1: tsm },
  ]
}

/** A folder that is removed after the test. */
async function scratch(t: { teardown(work: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'timeweave-demo-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The real plan with so little data that it learns nothing but is over in seconds. */
function smallPlan(): DemoPlan {
  const plan = demoPlan(true)
  return {
    ...plan,
    networks: plan.networks.filter(({ spec }) => spec.arch !== 'tsm').map((network) => ({ ...network, epochs: 1 })),
    data: { frames: 8, size: 32, trainClips: 16, valClips: 4, testClips: 8 },
    batchSize: 8,
  }
}

test('the promise is kept only when every temporal network learns and the other one does not', (t) => {
  t.true(judge(scores(0.35, 0.9), EXPECTATION).kept)
  t.regex(judge(scores(0.25, 0.95), EXPECTATION).sentence, /^As expected: TSN sees single frames .*, TSM /)
  for (const [tsn, tsm, complaint] of [
    [0.25, 0.899, /TSM reached 89\.9\u00a0% where at least 90\u00a0% was expected/],
    [0.36, 0.95, /TSN reached 36\.0\u00a0% where a network of single frames was expected to stay below 35\u00a0%/],
    [0.25, Number.NaN, /TSM reached/],
    [Number.NaN, 0.95, /TSN reached/],
  ] as const) {
    const verdict = judge(scores(tsn, tsm), EXPECTATION)
    t.false(verdict.kept)
    t.regex(verdict.sentence, complaint)
  }
  t.regex(judge(scores(0.5, 0.5), EXPECTATION).sentence, /TSN reached .* and TSM reached/)
})

test('a promise that is not kept is a failure of the command', (t) => {
  t.notThrows(() => requireKept(judge(scores(0.25, 0.95), EXPECTATION)))
  t.throws(() => requireKept(judge(scores(0.25, 0.5), EXPECTATION)), { code: 'EXPECTATION_MISSED', message: /TSM reached/ })
})

test('the headline gives one figure or a range', (t) => {
  t.is(headline(scores(0.25, 0.95)), 'Frame by frame: 25\u00a0% right. With time: 95\u00a0%.')
  t.is(
    headline([...scores(0.25, 0.95), { name: 'TIN', temporal: true, top1: 0.91 }]),
    'Frame by frame: 25\u00a0% right. With time: 91 to 95\u00a0%.',
  )
})

test('the quick plan leaves out bLVNet-TAM and asks for less', (t) => {
  const [whole, quick] = [demoPlan(false), demoPlan(true)]
  t.deepEqual(
    whole.networks.map(({ spec }) => spec.arch),
    ['tsn', 'tsm', 'tin', 'blvnet-tam'],
  )
  t.deepEqual(
    quick.networks.map(({ spec }) => spec.arch),
    ['tsn', 'tsm', 'tin'],
  )
  t.deepEqual(whole.expectation, { temporalAtLeast: 0.9, framewiseAtMost: 0.35 })
  t.deepEqual(quick.expectation, { temporalAtLeast: 0.8, framewiseAtMost: 0.35 })
})

test('the command that repeats a run quotes what a shell would take apart', (t) => {
  t.is(repeatCommand({}, 1), 'npx timeweave demo --seed 1')
  t.is(repeatCommand({ quick: true, device: 'cpu' }, 7), 'npx timeweave demo --quick --seed 7 --device cpu')
  t.is(repeatCommand({ videos: "my cat's videos" }, 1), `npx timeweave demo --seed 1 --videos 'my cat'\\''s videos'`)
})

test('a folder of an earlier run is cleared of what that run made and of nothing else', async (t) => {
  const root = join(await scratch(t), 'out')
  const folder = await prepareFolder(root)
  await writeFile(folder.report, 'old')
  await writeFile(join(root, 'mine.txt'), 'mine')
  await prepareFolder(root)
  t.deepEqual((await readdir(root)).toSorted(), ['.timeweave-demo', 'mine.txt'])
})

test('a folder with files that no demonstration made is refused and left alone', async (t) => {
  const root = await scratch(t)
  await writeFile(join(root, 'report.html'), 'mine')
  await t.throwsAsync(prepareFolder(root), {
    code: 'ARGUMENT_INVALID',
    message: /^expected a new or empty folder, .* which holds report\.html$/,
  })
  t.is(await readFile(join(root, 'report.html'), 'utf8'), 'mine')
})

test('a file in the place of the folder is refused', async (t) => {
  const file = join(await scratch(t), 'file')
  await writeFile(file, '')
  await t.throwsAsync(prepareFolder(file), { code: 'ARGUMENT_INVALID', message: /^expected a folder for out but received .*file$/ })
})

test('a small run goes through every step and leaves clips, runs and the report', async (t) => {
  const out = join(await scratch(t), 'demo')
  const events: DemoEvent[] = []
  const { summary, verdict, names } = await carryOut(
    smallPlan(),
    { out, seed: 3, device: 'cpu' },
    { onEvent: (event) => events.push(event) },
  )

  t.deepEqual(
    summary.models.map(({ arch }) => arch),
    ['tsn', 'tin'],
  )
  t.deepEqual(names, ['TSN, ResNet-18', 'TIN, ResNet-18'])
  for (const { top1, epochs, seconds } of summary.models) {
    t.true(top1 >= 0 && top1 <= 1)
    t.is(epochs, 1)
    t.true(seconds > 0)
  }
  t.is(summary.chance, 0.25)
  t.is(summary.prediction.expected, 'down')
  t.true(['left', 'right', 'up', 'down'].includes(summary.prediction.predicted))
  t.true(existsSync(summary.prediction.input))
  t.false(verdict.kept)

  const steps = events.flatMap((event) => (event.type === 'step' ? [`${event.step}/${event.steps} ${event.title}`] : []))
  t.deepEqual(steps, [
    '1/4 write 28 clips as video files',
    '2/4 train TSN, ResNet-18',
    '3/4 train TIN, ResNet-18',
    '4/4 predict a new clip and write the report',
  ])
  t.deepEqual(
    events.findLast((event) => event.type === 'progress'),
    { type: 'progress', done: 28, total: 28 },
  )
  t.is(events.filter((event) => event.type === 'epoch').length, 2)

  const page = await readFile(summary.report, 'utf8')
  t.is(page.match(/<section id=/g)?.length, 7)
  t.is(page.match(/<th scope="row"\s*>layer[1-4]\.[01]<\/th>/g)?.length, 16)
  t.true(page.includes('npx timeweave demo --seed 3 --device cpu'))
  t.true(page.includes('arch: tin'))
  t.true(existsSync(join(out, 'runs', 'tin', 'best.safetensors')))
})

test('an aborted run rejects with ABORTED and the reason', async (t) => {
  const out = join(await scratch(t), 'demo')
  const stop = new AbortController()
  const onEvent = (event: DemoEvent): void => {
    if (event.type === 'step' && event.step === 2) stop.abort('enough')
  }
  await t.throwsAsync(carryOut(smallPlan(), { out, device: 'cpu' }, { onEvent, signal: stop.signal }), { code: 'ABORTED' })
  t.false(existsSync(join(out, 'report.html')))
})
