import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { expandInput } from '../lib/cli/glob.js'
import { applyOverrides, parseOverride } from '../lib/cli/overrides.js'
import { temporaryFolder } from './libtorch-folder.js'

const root = temporaryFolder()
for (const name of ['a.mp4', 'b.mp4', 'c.avi', '.hidden.mp4', 'sub/d.mp4', 'sub/deep/e.mp4', 'odd[1].mp4']) {
  mkdirSync(join(root, name, '..'), { recursive: true })
  writeFileSync(join(root, name), '')
}

for (const [pattern, expected] of [
  ['*.mp4', ['a.mp4', 'b.mp4', 'odd[1].mp4']],
  ['?.*', ['a.mp4', 'b.mp4', 'c.avi']],
  ['[ab].mp4', ['a.mp4', 'b.mp4']],
  ['[!a].*', ['b.mp4', 'c.avi']],
  ['{a,c}.*', ['a.mp4', 'c.avi']],
  ['**/*.mp4', ['a.mp4', 'b.mp4', 'odd[1].mp4', 'sub/d.mp4', 'sub/deep/e.mp4']],
  ['*/d.mp4', ['sub/d.mp4']],
  ['.h*', ['.hidden.mp4']],
  ['*.mkv', []],
  ['sub/deep', ['sub/deep']],
  ['missing.mp4', ['missing.mp4']],
  ['odd[1].mp4', ['odd[1].mp4']],
] as const) {
  test(`the pattern ${pattern}`, async (t) => {
    t.deepEqual(
      await expandInput(join(root, pattern)),
      expected.map((name) => join(root, name)),
    )
  })
}

test('overrides reach into a configuration without changing the original', (t) => {
  const config = { optimizer: { type: 'sgd', lr: 1 }, model: { arch: 'tsm' } }
  const overrides = ['optimizer.lr=0.5', 'train.epochs=3', 'data.preprocess.colorJitter=null', 'name=a=b', 'train.list=[1, 2]'].reduce(
    (earlier: ReturnType<typeof parseOverride>, text) => parseOverride(text, earlier),
    [],
  )
  t.deepEqual(applyOverrides(config, overrides), {
    optimizer: { type: 'sgd', lr: 0.5 },
    model: { arch: 'tsm' },
    train: { epochs: 3, list: [1, 2] },
    data: { preprocess: { colorJitter: null } },
    name: 'a=b',
  })
  t.is(config.optimizer.lr, 1)
})
