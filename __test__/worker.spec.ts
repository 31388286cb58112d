import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { INDEX, build } from './built.js'
import { trainConfig, writeClip, writeClips } from './motion-clips.js'

test.before(build)

function start(script: string, data: unknown): Worker {
  const source = `
    const { parentPort, workerData: data } = require('node:worker_threads')
    import(${JSON.stringify(INDEX)}).then(async (tw) => { ${script} }).catch((error) => { throw error })`
  return new Worker(source, { eval: true, workerData: data, execArgv: [] })
}

test('a worker thread can predict beside the main one', async (t) => {
  const clip = await writeClip()
  const script = `const model = await tw.createModel({ arch: 'tsn', numClasses: 4 }, { device: 'cpu', seed: 1 })
    parentPort.postMessage((await model.predict(data))[0].predictions.map(({ score }) => score)); model.dispose()`
  const workers = [start(script, clip), start(script, clip)]
  const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]))
  t.is(answers[0].length, 4)
  t.deepEqual(answers[0], answers[1])
  await Promise.all(workers.map((worker) => worker.terminate()))
})

test('a worker can be ended in the middle of a run, and another one goes on', async (t) => {
  const clips = await writeClips()
  const script = `for await (const event of tw.train(data)) parentPort.postMessage(event.type)`
  const stopped = start(script, trainConfig(clips, 200))
  const other = start(script, trainConfig(clips, 1))
  const types: string[] = []
  other.on('message', (type) => types.push(type))
  const ended = once(other, 'exit')
  await once(stopped, 'message')
  await stopped.terminate()
  t.deepEqual(await ended, [0])
  t.true(types.includes('epoch'))
})
