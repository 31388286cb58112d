import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { which } from '../setup/child.mjs'
import { temporaryFolder, writeLibtorch, type FolderChanges } from './libtorch-folder.js'

// The fetch runs in a process of its own, as it does for a user, so that it can be killed half-way.
const FETCH = `
  const { fetchLibtorch } = await import(process.argv[1])
  const { Reporter } = await import(process.argv[2])
  const reporter = new Reporter(process.stderr)
  await fetchLibtorch({ version: '2.13.0', purpose: 'build', reporter }).catch((error) => { console.log(error.message); process.exit(1) })`
const MODULES = ['fetch', 'terminal'].map((name) => fileURLToPath(new URL(`../setup/${name}.mjs`, import.meta.url)))

function archive(changes: FolderChanges = {}): Buffer {
  const root = temporaryFolder()
  writeLibtorch(join(root, 'libtorch'), changes)
  const file = join(root, 'libtorch.zip')
  const code = `import sys, shutil; shutil.make_archive(sys.argv[1][:-4], 'zip', sys.argv[2], 'libtorch')`
  execFileSync(which('python3') ?? 'python3', ['-c', code, file, root])
  return readFileSync(file)
}

interface Mirror {
  server: Server
  url: string
  ranges: (string | undefined)[]
}

/** Serves one file; the first answers stop half-way for ever when `stallFirst` is set. */
async function serve(body: Buffer, stallFirst = false): Promise<Mirror> {
  const ranges: (string | undefined)[] = []
  const server = createServer((request, response) => {
    const { range } = request.headers
    ranges.push(range)
    const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
    response.writeHead(range ? 206 : 200, { 'content-length': body.length - from })
    if (stallFirst && ranges.length === 1) response.write(body.subarray(0, body.length >> 1))
    else response.end(body.subarray(from))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/libtorch.zip`, ranges }
}

function fetchInto(home: string, url: string): ChildProcess {
  const env = { ...process.env, TIMEWEAVE_HOME: home, TIMEWEAVE_LIBTORCH_URL: url }
  return spawn(process.execPath, ['--input-type=module', '-e', FETCH, ...MODULES], { env, stdio: ['ignore', 'pipe', 'inherit'] })
}

async function outcome(child: ChildProcess): Promise<{ status: number | null; output: string }> {
  let output = ''
  child.stdout?.on('data', (text) => (output += text))
  const [status] = await once(child, 'close')
  return { status, output }
}

const complete = (home: string): string[] =>
  existsSync(join(home, 'libtorch')) ? readdirSync(join(home, 'libtorch')).filter((name) => !name.endsWith('.partial')) : []

test('an archive is fetched, checked and put in place, and nothing else is left', async (t) => {
  const home = temporaryFolder()
  const { server, url } = await serve(archive())
  const { status } = await outcome(fetchInto(home, url))
  server.close()
  t.is(status, 0)
  t.deepEqual(readdirSync(join(home, 'libtorch')), ['2.13.0-cpu'])
  t.is(readFileSync(join(home, 'libtorch', '2.13.0-cpu', 'build-version'), 'utf8').trim(), '2.13.0')
})

test('an interrupted fetch leaves nothing that looks complete, and the next one goes on where it stopped', async (t) => {
  const home = temporaryFolder()
  const body = archive()
  const { server, url, ranges } = await serve(body, true)
  const child = fetchInto(home, url)
  const part = join(home, 'libtorch', '2.13.0-cpu.partial', 'libtorch.zip.part')
  while (!existsSync(part) || readFileSync(part).length < body.length >> 1) await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill('SIGKILL')
  await once(child, 'close')
  server.closeAllConnections()
  t.deepEqual(complete(home), [])
  const { status } = await outcome(fetchInto(home, url))
  server.close()
  t.is(status, 0)
  t.is(ranges[1], `bytes=${body.length >> 1}-`)
  t.deepEqual(complete(home), ['2.13.0-cpu'])
})

test('a damaged archive is refused and not kept', async (t) => {
  const home = temporaryFolder()
  const body = archive()
  const { server, url } = await serve(body.subarray(0, body.length - 30))
  const { status, output } = await outcome(fetchInto(home, url))
  server.close()
  t.is(status, 1)
  t.regex(output, /libtorch\.zip could not be unpacked and was removed/)
  t.deepEqual(complete(home), [])
  t.false(existsSync(join(home, 'libtorch', '2.13.0-cpu.partial', 'libtorch.zip')))
})

test('an archive of another version is refused', async (t) => {
  const home = temporaryFolder()
  const { server, url } = await serve(archive({ version: '2.12.1' }))
  const { status, output } = await outcome(fetchInto(home, url))
  server.close()
  t.is(status, 1)
  t.regex(output, /expected libtorch 2\.13\.x but received 2\.12\.1/)
  t.deepEqual(complete(home), [])
})

test('a server that says no is quoted', async (t) => {
  const home = temporaryFolder()
  const server = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { status, output } = await outcome(fetchInto(home, `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.zip`))
  server.close()
  t.is(status, 1)
  t.regex(output, /127\.0\.0\.1:\d+ answered 404/)
})
