import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { build } from './built.js'
import { lines, timeweave } from './command.js'
import { temporaryFolder } from './libtorch-folder.js'
import { writeClips } from './motion-clips.js'

test.before(build)

test.serial('bench decode measures clips and frames, and names the decoder', async (t) => {
  const clips = await writeClips(3, 1)
  const pattern = join(clips.root, 'train', '*.mp4')
  const { status, stdout, stderr } = await timeweave([
    'bench',
    'decode',
    pattern,
    '--json',
    '--frames',
    '4',
    '--size',
    '24',
    '--threads',
    '2',
  ])
  t.is(status, 0, stderr)
  const [speed] = lines(stdout)
  t.deepEqual(Object.keys(speed ?? {}), ['clipsPerSecond', 'framesPerSecond', 'decoder'])
  t.true(speed?.clipsPerSecond > 1)
  t.true(Math.abs(speed?.framesPerSecond / speed?.clipsPerSecond - 4) < 1e-9)
  t.is(speed?.decoder, 'libav')
  const shown = await timeweave(['bench', 'decode', pattern])
  t.is(shown.status, 0, shown.stderr)
  t.is(shown.stdout.match(/\.mp4 +libav +32x32 +8 +[\d.]+ ms$/gm)?.length, 3, shown.stdout)
  t.regex(shown.stdout, /^[\d.]+ clips\/s {2}[\d.]+ frames\/s {2}\(libav, \d+ passes\)$/m)
})

test.serial('bench decode refuses what it cannot measure', async (t) => {
  const folder = temporaryFolder()
  const text = join(folder, 'text.mp4')
  writeFileSync(text, 'no video')
  const cases: [string[], RegExp][] = [
    [[join(folder, 'none.mp4')], /^error\[FILE_NOT_FOUND\]: .*none\.mp4/m],
    [[join(folder, '*.avi')], /^error\[FILE_NOT_FOUND\]: .*\*\.avi/m],
    [[text], /^error\[NOT_A_VIDEO\]: .*text\.mp4/m],
    [[text, '--frames', '5000'], /^error\[INVALID_OPTION\]: expected a whole number from 1 to 1024 for frames but received 5000/m],
    [[text, '--size', '9999'], /^error\[INVALID_OPTION\]: .* for size /m],
    [[text, '--threads', '999'], /^error\[INVALID_OPTION\]: .* for threads /m],
  ]
  for (const [args, expected] of cases) {
    const { status, stdout, stderr } = await timeweave(['bench', 'decode', ...args, '--json'])
    t.is(status, 1, args.join(' '))
    t.regex(stderr, expected)
    t.is(stdout, '')
  }
  for (const args of [[], ['decode'], ['decode', text, '--frames', 'many'], ['decode', text, '--decoder', 'pyav']]) {
    t.is((await timeweave(['bench', ...args])).status, 2, args.join(' '))
  }
  const help = await timeweave(['bench', 'decode', '--help'])
  t.is(help.status, 0)
  for (const option of ['--frames', '--size', '--threads', '--decoder', '--json']) t.true(help.stdout.includes(option), option)
})
