//! What the README tells people to type.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { packageRoot } from '../setup/places.mjs'
import { build } from './built.js'
import { temporaryFolder } from './libtorch-folder.js'
import { writeClip } from './motion-clips.js'

const README = readFileSync(join(packageRoot, 'README.md'), 'utf8')

test.before(build)

test('the first script has at most 15 lines and does what it says', async (t) => {
  const script = /<!-- example: quickstart -->\n```js\n(.*?)```/s.exec(README)?.[1] ?? ''
  t.true(script.trim().split('\n').length <= 15)
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'videos'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(packageRoot, join(folder, 'node_modules', 'timeweave'))
  for (const label of [0, 1]) copyFileSync(await writeClip(label), join(folder, 'videos', `${label}.mp4`))
  copyFileSync(join(folder, 'videos', '1.mp4'), join(folder, 'some.mp4'))
  writeFileSync(join(folder, 'train.txt'), '0.mp4 0\n1.mp4 1\n')
  writeFileSync(join(folder, 'classes.txt'), 'up\ndown\n')
  // Twenty epochs would take minutes and show nothing more.
  writeFileSync(join(folder, 'script.mjs'), script.replace('epochs: 20', 'epochs: 1'))
  const output = execFileSync(process.execPath, ['script.mjs'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  t.regex(output, /^1 \d+\.\d+\n(up|down) \[[\s\d,]+\]\n$/)
})

test('every option that the README names for a verb is one', (t) => {
  const main = join(packageRoot, 'dist', 'lib', 'cli', 'main.js')
  for (const [, call = '', rest = ''] of README.matchAll(/npx timeweave ((?:prepare|bench) \w+|\w+)([^`\n]*)/g)) {
    const help = execFileSync(process.execPath, [main, ...call.split(' '), '--help'], { encoding: 'utf8' })
    for (const [option] of rest.matchAll(/--[a-z-]+/g)) t.true(help.includes(option), `${call} ${option}`)
  }
})
