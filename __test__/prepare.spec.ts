import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { prepare as prepareFiles } from '../index.js'
import { build } from './built.js'
import { type CallOptions, type Json, lines, timeweave } from './command.js'
import { temporaryFolder } from './libtorch-folder.js'
import { writeClips } from './motion-clips.js'

test.before(build)

async function prepare(args: readonly string[], options: CallOptions = {}) {
  const outcome = await timeweave(['prepare', ...args], options)
  return {
    ...outcome,
    /** The last line of standard output as JSON. */
    get result(): Json {
      return lines(outcome.stdout).at(-1)
    },
  }
}

/** A folder with the videos of two classes, three each. */
async function classFolder(): Promise<string> {
  const clips = await writeClips(6, 1)
  const folder = temporaryFolder()
  for (const [at, name] of readdirSync(join(clips.root, 'train')).entries()) {
    const place = join(folder, at % 2 === 0 ? 'go left' : 'go right')
    mkdirSync(place, { recursive: true })
    copyFileSync(join(clips.root, 'train', name), join(place, name))
  }
  return folder
}

const text = (...path: string[]): string => readFileSync(join(...path), 'utf8')

test.serial('--help names the three kinds of work and their options', async (t) => {
  const help = await prepare(['--help'])
  t.is(help.status, 0)
  for (const name of ['lists', 'frames', 'check']) {
    t.regex(help.stdout, new RegExp(`^  ${name} `, 'm'))
    const own = await prepare([name, '--help'])
    t.is(own.status, 0)
    for (const option of ['--json', '--device', '--format', 'path-start-end-label'])
      t.true(own.stdout.includes(option), `${name} ${option}`)
  }
})

test.serial('bad usage ends with 2', async (t) => {
  const calls = [
    [],
    ['list'],
    ['lists', '--out', 'x'],
    ['lists', '--folder', 'a', '--list', 'b', '--out', 'x'],
    ['lists', '--dataset', 'jester', '--out', 'x'],
    ['lists', '--list', 'a', '--val', '0.5', '--out', 'x'],
    ['lists', '--folder', 'a'],
    ['frames', 'a'],
    ['frames', 'a', '--out', 'b', '--quality', 'fine'],
    ['frames', 'a', '--out', 'b', '--damaged', 'skip'],
    ['lists', '--dataset', 'gester', '--annotations', 'a', '--out', 'x'],
    ['lists', '--list', 'a', '--separator', 'tab', '--out', 'x'],
    ['check'],
  ]
  for (const call of calls) t.is((await prepare(call)).status, 2, call.join(' '))
})

test.serial('a folder of classes becomes lists, frames and a clean bill', async (t) => {
  const folder = await classFolder()
  const out = temporaryFolder()
  const made = await prepare(['lists', '--folder', folder, '--out', out, '--count', '--val', '0.34', '--json'])
  t.is(made.status, 0, made.stderr)
  t.is(made.result.numClasses, 2)
  t.deepEqual(made.result.mirrorPairs, [[0, 1]])
  t.deepEqual(
    made.result.lists.map((list: Json) => [list.records, list.format, list.missing]),
    [
      [4, 'path-frames-label', 0],
      [2, 'path-frames-label', 0],
    ],
  )
  t.regex(text(out, 'train.txt'), /^go left\/\d+\.mp4 8 0$/m)
  t.is(text(out, 'classes.txt'), 'go left\ngo right\n')

  const frames = join(out, 'frames')
  const list = join(out, 'frames.txt')
  const call = ['frames', join(out, 'train.txt'), '--root', folder, '--out', frames, '--short-side', '16', '--list-out', list]
  const extracted = await prepare([...call, '--json'])
  t.is(extracted.status, 0, extracted.stderr)
  t.deepEqual(extracted.result, { videos: 4, extracted: 4, kept: 0, frames: 32, failed: [], list })
  const steps = extracted.stdout.trim().split('\n').slice(0, -1)
  t.deepEqual(Object.keys(JSON.parse(steps.at(-1) ?? '')).toSorted(), ['done', 'input', 'total', 'type'])
  const again = await prepare(call)
  t.is(again.status, 0)
  t.regex(again.stdout, /32 frames of 4 videos: 0 extracted, 4 were there/)

  const checked = await prepare(['check', list, '--root', frames, '--classes', join(out, 'classes.txt'), '--decode', '--json'])
  t.is(checked.status, 0, checked.stdout)
  t.like(checked.result, { ok: true, problems: [], lists: [{ records: 4, kept: 4, fixed: 0, clean: null }] })
})

test.serial('a check names what is wrong and ends with 1', async (t) => {
  const folder = await classFolder()
  const list = join(folder, 'list.txt')
  const [first, second] = readdirSync(join(folder, 'go left'))
  writeFileSync(list, `go left/${first} 8 0\ngo left/${second} 9 0\nnone.mp4 8 1\ngo left/${first} 8 7\n`)
  const out = temporaryFolder()
  const { status, stdout, stderr } = await prepare(['check', list, '--num-classes', '2', '--out', out])
  t.is(status, 1)
  t.regex(stderr, /^error\[CHECK_FAILED\]: .*problems\.csv names them all$/m)
  t.regex(stderr, /list\.txt:3: dropped: missing: FILE_NOT_FOUND/)
  t.regex(stdout, /path-frames-label, space +4 +2 +1/)
  t.is(text(out, 'list.txt'), `go left/${first} 8 0\ngo left/${second} 8 0\n`)
  t.regex(text(out, 'problems.csv'), /,4,.*,dropped,label-range,/)
})

test.serial('lists are converted, and nothing is lost unasked', async (t) => {
  const folder = temporaryFolder()
  const [list, out] = [join(folder, 'ibm.txt'), join(folder, 'out.txt')]
  writeFileSync(list, 'a b;1;30;5\nc;3;20;6;7\n')
  const convert = (...more: string[]) => prepare(['lists', '--list', list, '--out', out, ...more])
  t.is((await convert('--to', 'mmaction2-rawframes-offset')).status, 0)
  t.is(text(out), 'a b 0 30 5\nc 2 18 6,7\n')
  const lossy = await convert('--to', 'tsm')
  t.is(lossy.status, 1)
  t.regex(
    lossy.stderr,
    /^error\[LIST_LOSSY\]: .*ibm\.txt:2: expected a record that path-frames-label can hold but received the frames 3 to 20/,
  )
  const unknown = await convert('--to', 'tms')
  t.is(unknown.status, 1)
  t.regex(unknown.stderr, /^error\[CONFIG_INVALID\]: .*\bto\b/)
  writeFileSync(list, 'a 120 200 5\n')
  const ambiguous = await convert('--to', 'ibm')
  t.is(ambiguous.status, 1)
  t.regex(ambiguous.stderr, /^error\[LIST_AMBIGUOUS\]: .*path-start-end-label/)
  t.is((await convert('--to', 'path-offset-frames-label', '--format', 'ibm')).status, 0)
  t.is(text(out), 'a 119 81 5\n')
})

test.serial('Ctrl-C stops an extraction, and the next call goes on', async (t) => {
  const clips = await writeClips(40, 1)
  const out = temporaryFolder()
  const call = ['frames', join(clips.root, 'train'), '--out', out, '--short-side', '1024', '--workers', '1', '--json']
  const stopped = await prepare(call, { interruptAt: /"type":"step"/ })
  t.is(stopped.status, 130, stopped.stderr)
  t.regex(stopped.stderr, /^error\[ABORTED\]: /)
  const whole = readdirSync(out)
  t.true(whole.length > 0 && whole.length < 40, String(whole.length))
  t.true(whole.every((name) => !name.startsWith('.') && existsSync(join(out, name, 'img_00008.jpg'))))
  const rest = await prepare(call)
  t.is(rest.status, 0, rest.stderr)
  t.is(rest.result.kept, whole.length)
  t.is(rest.result.extracted, 40 - whole.length)
})

test.serial('videos that fail are named, and the others are extracted', async (t) => {
  const folder = await classFolder()
  writeFileSync(join(folder, 'broken.mp4'), 'no video')
  const { status, stderr, result } = await prepare(['frames', folder, '--out', temporaryFolder(), '--short-side', 'keep', '--json'])
  t.is(status, 1)
  t.regex(stderr, /^error\[NOT_A_VIDEO\]: .*broken\.mp4/m)
  t.like(result, { videos: 7, extracted: 6 })
})

test.serial('a damaged video names the option that takes it, and that option does', async (t) => {
  if (spawnSync('ffmpeg', ['-version']).status !== 0) {
    t.pass('there is no ffmpeg program to make a damaged file with')
    return
  }
  const clips = await writeClips(1, 1)
  const [name = ''] = readdirSync(join(clips.root, 'train'))
  const whole = readFileSync(join(clips.root, 'train', name))
  const folder = temporaryFolder()
  // A stream of packets without a table of contents can be cut anywhere.
  const stream = join(folder, 'whole.mkv')
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'mp4', '-i', 'pipe:0', '-c', 'copy', stream], { input: whole })
  writeFileSync(join(folder, 'cut.mkv'), readFileSync(stream).subarray(0, -400))
  rmSync(stream)
  const call = ['frames', folder, '--out', temporaryFolder(), '--json']
  const refused = await prepare(call)
  t.is(refused.status, 1)
  t.regex(refused.stderr, /^error\[DAMAGED_VIDEO\]: .*cut\.mkv.*`--damaged use` takes the frames before the damage$/m)
  t.regex(refused.result.failed[0].message, /`--damaged use`/)
  const taken = await prepare([...call, '--damaged', 'use'])
  t.is(taken.status, 0, taken.stderr)
  t.is(taken.result.extracted, 1)
  const own = prepareFiles({ task: 'frames', input: folder, out: temporaryFolder() })
  const { failed } = await own.result
  t.regex(failed[0]?.message ?? '', /`decode\.damaged: 'use'`/)
})

test.serial('the package prepares data too', async (t) => {
  const folder = await classFolder()
  const out = temporaryFolder()
  const { lists, numClasses } = await prepareFiles({ task: 'lists', source: { type: 'folder', folder }, out, count: true }).result
  t.deepEqual([lists.length, numClasses], [1, 2])
  const list = lists[0]?.file ?? ''
  const seen: number[] = []
  const run = prepareFiles({ task: 'frames', input: list, list: { root: folder }, out: join(out, 'f'), shortSide: 16 })
  for await (const { done, total } of run) seen.push(done / total)
  t.is(seen.at(-1), 1)
  t.like(await run.result, { videos: 6, extracted: 6, frames: 48, failed: [] })
  const checked = await prepareFiles({ task: 'check', lists: [list], list: { root: folder } }).result
  t.true(checked.ok)
  await t.throwsAsync(prepareFiles({ task: 'frames', input: folder, out, quality: 0 }).result, {
    code: 'INVALID_OPTION',
    message: /quality/,
  })
})
