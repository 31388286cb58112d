import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { packagesUpToDate } from '../setup/packages.mjs'
import { fingerprint, isFresh, writeStamp } from '../setup/stamp.mjs'
import { installCommand } from '../setup/system.mjs'
import { formatBytes, formatDuration } from '../setup/terminal.mjs'
import { temporaryFolder } from './libtorch-folder.js'

const MAIN = fileURLToPath(new URL('../setup/main.mjs', import.meta.url))

/** A PATH with these programs only. */
function pathWith(...programs: string[]): string {
  const folder = temporaryFolder()
  for (const program of programs) symlinkSync(execFileSync('which', [program], { encoding: 'utf8' }).trim(), join(folder, program))
  return folder
}

test('each missing tool is one sentence with the command that mends it', (t) => {
  const env = { PATH: pathWith('node'), HOME: temporaryFolder() }
  const { status, stdout } = spawnSync(process.execPath, [MAIN], { env, encoding: 'utf8' })
  t.is(status, 1)
  t.regex(
    stdout,
    /✖ tools: Rust \(cargo and rustc\) was not found on PATH; no C\+\+ compiler .* was found on PATH; Python 3 was not found on PATH/,
  )
  t.regex(stdout, /run: curl .*rustup.* && /)
  t.regex(stdout, /set-up failed \(\d/)
})

test('CUDA kernels are built on request only, and need nvcc', (t) => {
  const nvcc = join(temporaryFolder(), 'nvcc')
  writeFileSync(nvcc, '')
  const run = (more: Record<string, string>): string => {
    const env = { PATH: pathWith('node'), HOME: temporaryFolder(), ...more }
    return spawnSync(process.execPath, [MAIN], { env, encoding: 'utf8' }).stdout
  }
  t.notRegex(run({}), /nvcc/)
  t.notRegex(run({ TIMEWEAVE_CUDA: '1', NVCC: nvcc }), /needs nvcc/)
  t.regex(run({ TIMEWEAVE_CUDA: 'yes' }), /expected 0 or 1 for TIMEWEAVE_CUDA but received yes/)
  if (existsSync('/usr/local/cuda/bin/nvcc')) return
  const missing = run({ TIMEWEAVE_CUDA: '1' })
  t.regex(missing, /TIMEWEAVE_CUDA=1 needs nvcc, and NVCC, CUDA_HOME, CUDA_PATH, PATH and \/usr\/local\/cuda have none/)
  t.regex(missing, /pip install 'nvidia-cuda-nvcc==13\.0\.\*'/)
})

test('npm packages are compared with what npm installed, by version', (t) => {
  const root = temporaryFolder()
  const lock = { packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0', optional: true } } }
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock))
  t.false(packagesUpToDate(root))
  mkdirSync(join(root, 'node_modules'))
  const installed = (version: string): void =>
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: { 'node_modules/a': { version } } }))
  installed('0.9.0')
  t.false(packagesUpToDate(root))
  installed('1.0.0')
  t.true(packagesUpToDate(root))
})

test('a build is stale when an input or an output changed, whatever its time', (t) => {
  const root = temporaryFolder()
  const [input, output, stamp] = ['input.rs', 'output.node', 'stamp'].map((name) => join(root, name)) as [string, string, string]
  writeFileSync(input, 'a')
  writeFileSync(output, '')
  const value = fingerprint(root, ['input.rs', 'absent'], ['2.13.0'])
  writeStamp(stamp, value)
  utimesSync(input, new Date(), new Date())
  t.true(isFresh(stamp, fingerprint(root, ['input.rs', 'absent'], ['2.13.0']), [output]))
  t.false(isFresh(stamp, value, [output, join(root, 'gone')]))
  t.false(isFresh(stamp, fingerprint(root, ['input.rs', 'absent'], ['2.11.0']), [output]))
  writeFileSync(input, 'b')
  t.false(isFresh(stamp, fingerprint(root, ['input.rs', 'absent'], ['2.13.0']), [output]))
})

test('the command for missing system libraries names each package once', (t) => {
  const words = installCommand(['nasm', 'cmake', 'nasm']).split(' ')
  t.is(words.filter((word) => word === 'nasm').length, 1)
  t.is(words.filter((word) => word === 'cmake').length, 1)
})

test('sizes and times are readable', (t) => {
  t.deepEqual([12_000, 12_300_000, 1_250_000_000].map(formatBytes), ['12 kB', '12.3 MB', '1.25 GB'])
  t.deepEqual([400, 125_000].map(formatDuration), ['0.4 s', '2 min 05 s'])
})
