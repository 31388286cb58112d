import test from 'ava'
import { createModel } from '../index.js'
import { SPEC } from './motion-clips.js'

const CLIP = { data: new Float32Array(8 * 3 * 32 * 32), shape: [1, 8, 3, 32, 32] }

test('after dispose every call fails with DISPOSED, and a second dispose does nothing', async (t) => {
  const model = await createModel(SPEC, { device: 'cpu' })
  model.dispose()
  t.notThrows(() => model.dispose())
  for (const call of [
    () => model.forward(CLIP),
    () => model.features(CLIP),
    () => model.predict('clip.mp4'),
    () => model.save('model.safetensors'),
    () => model.interlaceState(['clip.mp4']),
  ]) {
    await t.throwsAsync(call, { code: 'DISPOSED' })
  }
  t.throws(() => model.parameters(), { code: 'DISPOSED' })
  t.is(model.spec.arch, 'tsm')
})

test('using disposes at the end of the block', async (t) => {
  let outside
  {
    using model = await createModel(SPEC, { device: 'cpu' })
    outside = model
    t.is(typeof model[Symbol.dispose], 'function')
  }
  await t.throwsAsync(outside.forward(CLIP), { code: 'DISPOSED' })
})

test('a call that runs when the model is disposed of still gets its answer', async (t) => {
  const model = await createModel(SPEC, { device: 'cpu' })
  const pending = model.forward(CLIP)
  model.dispose()
  t.deepEqual((await pending).shape, [1, 4])
})

test('networks that come and go leave no memory behind', async (t) => {
  const rss = (): number => process.memoryUsage().rss
  const turn = async (): Promise<void> => {
    using model = await createModel(SPEC, { device: 'cpu' })
    await model.forward(CLIP)
  }
  for (let k = 0; k < 2; k++) await turn()
  const before = rss()
  for (let k = 0; k < 8; k++) await turn()
  // One network's weights are 45 MB: eight that stayed would be 360.
  t.true(rss() - before < 150e6, `${((rss() - before) / 1e6).toFixed(0)} MB more`)
})
