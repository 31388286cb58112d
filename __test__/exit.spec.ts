//! How programs end that use the package: each test is a program of its own.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'
import { INDEX, build } from './built.js'
import { trainConfig, writeClip, writeClips } from './motion-clips.js'

test.before(build)

interface Ending {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Runs a script that sees `tw` (the package) and `data`. */
async function run(script: string, data: unknown = null): Promise<Ending> {
  const source = `const tw = await import(${JSON.stringify(INDEX)}); const data = ${JSON.stringify(data)}; ${script}`
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (text) => (output.stdout += text))
  child.stderr.on('data', (text) => (output.stderr += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
  const [status, signal] = await once(child, 'close')
  clearTimeout(timer)
  return { status, signal, ...output }
}

const endsWell = (ending: Ending): boolean => ending.status === 0 && ending.signal === null

test.serial('a script ends by itself when its work is done', async (t) => {
  const ending = await run(
    `const model = await tw.createModel({ arch: 'tsn', numClasses: 4 }, { device: 'cpu' }); console.log((await model.predict(data))[0].predictions.length)`,
    await writeClip(),
  )
  t.true(endsWell(ending), ending.stderr)
  t.is(ending.stdout.trim(), '4')
})

test.serial('a run keeps the program alive until it is done, although nobody reads it', async (t) => {
  const clips = await writeClips()
  const ending = await run(`tw.train(data).result.then(({ epochs }) => console.log('epochs', epochs))`, trainConfig(clips))
  t.true(endsWell(ending), ending.stderr)
  t.is(ending.stdout.trim(), 'epochs 1')
})

test.serial('a failed run that is iterated is no unhandled rejection', async (t) => {
  const ending = await run(
    `const run = tw.train({ ...data, data: { ...data.data, train: { list: '/no/list.txt' } } })
     try { for await (const event of run) await new Promise((resolve) => setTimeout(resolve, 300)) } catch (error) { console.log(error.code) }`,
    trainConfig(await writeClips(4, 4)),
  )
  t.true(endsWell(ending), ending.stderr)
  t.is(ending.stdout.trim(), 'LIST_NOT_FOUND')
})

test.serial('a failed run that nobody looks at is an unhandled rejection', async (t) => {
  const ending = await run(`tw.train({ model: { arch: 'tsn' } })`)
  t.is(ending.status, 1)
  t.regex(ending.stderr, /CONFIG_INVALID/)
})

test.serial('process.exit in the middle of a run ends at once and cleanly', async (t) => {
  const ending = await run(
    `const run = tw.train(data); for await (const event of run) if (event.type === 'step') process.exit(7)`,
    trainConfig(await writeClips(), 200),
  )
  t.is(ending.status, 7, ending.stderr)
})

test.serial('leaving while a prediction runs is clean', async (t) => {
  const ending = await run(
    `const model = await tw.createModel({ arch: 'tsn', numClasses: 4 }, { device: 'cpu' }); void model.predict(data); setTimeout(() => process.exit(0), 5)`,
    await writeClip(),
  )
  t.true(endsWell(ending), ending.stderr)
})

test.serial('a network that is forgotten is collected', async (t) => {
  const ending = await run(
    `const turn = async () => { const model = await tw.createModel({ arch: 'tsn', numClasses: 4 }, { device: 'cpu' }); return model.classes.length }
     const settle = async () => { for (let k = 0; k < 4; k++) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)) } }
     for (let k = 0; k < 4; k++) await turn()
     await settle()
     const before = process.memoryUsage().rss
     for (let k = 0; k < 12; k++) { await turn(); await settle() }
     console.log(Math.round((process.memoryUsage().rss - before) / 1e6))`,
  )
  t.true(endsWell(ending), ending.stderr)
  // Twelve networks that stayed would be 540 MB.
  t.true(Number(ending.stdout) < 150, `${ending.stdout.trim()} MB more`)
})
