import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadModel, train } from '../index.js'
import { trainConfig, writeClips, type MotionClips } from './motion-clips.js'

let clips: MotionClips

test.before(async () => {
  clips = await writeClips()
})

test('an abort rejects with ABORTED and the reason, and leaves a checkpoint that loads', async (t) => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const config = trainConfig(clips, 200)
  const run = train(config, { signal: controller.signal })
  let written: string | undefined
  const error = await t.throwsAsync(
    async () => {
      for await (const event of run) {
        if (event.type === 'checkpoint') written = event.path
        if (event.type === 'epoch') controller.abort(reason)
      }
    },
    { code: 'ABORTED' },
  )
  t.is(error?.cause, reason)
  await t.throwsAsync(run.result, { is: error })
  t.true(existsSync(join(config.output?.dir ?? '', 'last.safetensors')))
  const model = await loadModel(written ?? 'no checkpoint', { device: 'cpu' })
  model.dispose()
})

test('a signal that is aborted already starts nothing', async (t) => {
  const config = trainConfig(clips)
  const run = train(config, { signal: AbortSignal.abort('before') })
  const error = await t.throwsAsync(run.result, { code: 'ABORTED' })
  t.is(error?.cause, 'before')
  t.false(existsSync(config.output?.dir ?? ''))
})

test('cancel stops a run that nobody reads', async (t) => {
  const run = train(trainConfig(clips, 200))
  setTimeout(() => run.cancel(), 200)
  await t.throwsAsync(run.result, { code: 'ABORTED' })
  t.notThrows(() => run.cancel())
})

test('a run that is stopped goes on from where it stood', async (t) => {
  const config = trainConfig(clips, 200)
  const run = train(config)
  for await (const event of run) {
    if (event.type === 'checkpoint') break
  }
  run.cancel()
  await t.throwsAsync(run.result, { code: 'ABORTED' })
  const rest = train({ ...config, resume: 'auto' })
  for await (const event of rest) {
    t.is(event.type, 'start')
    t.true(event.type === 'start' && event.resumedEpochs >= 1)
    break
  }
  rest.cancel()
  await t.throwsAsync(rest.result, { code: 'ABORTED' })
})

test('two readers see the same events', async (t) => {
  const run = train(trainConfig(clips, 2))
  const read = async (): Promise<string[]> => {
    const types = []
    for await (const { type } of run) types.push(type)
    return types
  }
  const [one, other] = await Promise.all([read(), read()])
  t.deepEqual(one, other)
  t.deepEqual(await read(), one)
})
