import { execFileSync } from 'node:child_process'
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { findLibtorch, inspectLibtorch, refusal } from '../setup/libtorch.mjs'
import { which } from '../setup/child.mjs'
import { temporaryFolder, writeLibtorch } from './libtorch-folder.js'

const BUILD = { minor: '2.13', purpose: 'build' } as const

test.serial.beforeEach(() => {
  delete process.env.LIBTORCH
  delete process.env.VIRTUAL_ENV
  delete process.env.CONDA_PREFIX
  process.env.TIMEWEAVE_HOME = temporaryFolder()
})

test.serial('a whole libtorch of the right version is taken', (t) => {
  t.deepEqual(inspectLibtorch(writeLibtorch(temporaryFolder()), BUILD), { version: '2.13.0', reason: null })
  t.deepEqual(inspectLibtorch(writeLibtorch(temporaryFolder(), { version: '2.13.1+cpu' }), BUILD), { version: '2.13.1', reason: null })
})

test.serial('the version must be the one that this tch works with', (t) => {
  const old = writeLibtorch(temporaryFolder(), { version: '2.11.0' })
  t.is(inspectLibtorch(old, BUILD).reason, 'expected libtorch 2.13.x but received 2.11.0')
  t.is(inspectLibtorch(old, { minor: '2.11', purpose: 'build' }).reason, null)
})

test.serial('an installation of the old C++ ABI is refused', (t) => {
  const folder = writeLibtorch(temporaryFolder(), { symbol: '_ZN3c105ErrorC2ENS_14SourceLocationESs' })
  t.regex(inspectLibtorch(folder, BUILD).reason ?? '', /_GLIBCXX_USE_CXX11_ABI=0\), expected 1/)
})

test.serial('building needs headers and libtorch.so, running does not', (t) => {
  for (const without of ['include/torch/csrc/api/include/torch/torch.h', 'lib/libtorch.so']) {
    const folder = writeLibtorch(temporaryFolder(), { without })
    t.true(inspectLibtorch(folder, BUILD).reason?.includes(without))
    t.is(inspectLibtorch(folder, { minor: '2.13', purpose: 'run' }).reason, null)
  }
})

test.serial('a folder without a version or a library says which is missing', (t) => {
  t.regex(inspectLibtorch('/no/such/folder', BUILD).reason ?? '', /no such folder/)
  t.regex(
    inspectLibtorch(writeLibtorch(temporaryFolder(), { without: 'build-version' }), BUILD).reason ?? '',
    /neither build-version nor version\.py/,
  )
  t.is(inspectLibtorch(writeLibtorch(temporaryFolder(), { without: 'lib/libc10.so' }), BUILD).reason, 'lib/libc10.so is missing')
})

test.serial('$LIBTORCH comes first and is never silently replaced', (t) => {
  const home = process.env.TIMEWEAVE_HOME ?? ''
  writeLibtorch(join(home, 'libtorch', '2.13.0-cpu'))
  const named = writeLibtorch(temporaryFolder())
  process.env.LIBTORCH = named
  t.is(findLibtorch(BUILD).libtorch?.path, realpathSync(named))
  process.env.LIBTORCH = writeLibtorch(temporaryFolder(), { version: '2.10.0' })
  const { libtorch, rejected } = findLibtorch(BUILD)
  t.is(libtorch, null)
  t.is(rejected.length, 1)
  t.is(rejected[0]?.source, 'LIBTORCH')
})

test.serial('a $LIBTORCH of the other supported version is refused with the command that makes it work', (t) => {
  const path = writeLibtorch(temporaryFolder(), { version: '2.11.0' })
  const error = refusal({ path, source: 'LIBTORCH', reason: 'expected libtorch 2.13.x but received 2.11.0' }, '2.13')
  t.regex(error.message, /libtorch 2\.11 needs tch 0\.24/)
  t.is(error.fix, 'cargo update -p tch --precise 0.24.0 && npm run setup')
  t.is(error.code, 'LIBTORCH_VERSION')
})

test.serial('the cache is searched for the version that fits; an unfinished folder is not seen', (t) => {
  const cache = join(process.env.TIMEWEAVE_HOME ?? '', 'libtorch')
  writeLibtorch(join(cache, '2.11.0-cpu'), { version: '2.11.0' })
  writeLibtorch(join(cache, '2.13.0-cpu.partial'))
  t.is(findLibtorch(BUILD).libtorch, null)
  writeLibtorch(join(cache, '2.13.0-cpu'))
  t.is(findLibtorch(BUILD).libtorch?.source, 'cache')
})

test.serial("a Python environment's torch is found without importing it", (t) => {
  const python = which('python3') ?? 'python3'
  const environment = temporaryFolder()
  execFileSync(python, ['-m', 'venv', '--without-pip', environment])
  const paths = JSON.parse(
    execFileSync(join(environment, 'bin', 'python'), ['-c', 'import sysconfig, json; print(json.dumps(sysconfig.get_paths()))'], {
      encoding: 'utf8',
    }),
  )
  const torch = join(paths.purelib, 'torch')
  mkdirSync(torch, { recursive: true })
  writeLibtorch(torch, { without: 'build-version' })
  writeFileSync(join(torch, 'version.py'), "__version__ = '2.13.0+cu130'\n")
  writeFileSync(join(torch, '__init__.py'), 'raise SystemExit("imported")\n')
  process.env.VIRTUAL_ENV = environment
  const { libtorch } = findLibtorch(BUILD)
  t.is(libtorch?.source, 'python')
  t.is(libtorch?.version, '2.13.0')
})

test.serial('a link to libtorch is resolved, so that builds share one path', (t) => {
  const real = writeLibtorch(temporaryFolder())
  const link = join(temporaryFolder(), 'link')
  symlinkSync(real, link)
  process.env.LIBTORCH = link
  t.is(findLibtorch(BUILD).libtorch?.path, realpathSync(real))
})
