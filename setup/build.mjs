//! Builds the native pieces into `native/` and the TypeScript into `dist/`, each only when its inputs changed.
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { capture, watch } from './child.mjs'
import { nativeFiles, nativeFolder, packageRoot } from './places.mjs'
import { fingerprint, isFresh, writeStamp } from './stamp.mjs'
import { ffmpegVersion } from './system.mjs'
import { SetupError } from './terminal.mjs'
import { findNvcc, wantsCuda } from './tools.mjs'

const NATIVE_INPUTS = ['crates', 'Cargo.toml', 'Cargo.lock', '.cargo', 'rust-toolchain.toml', 'package-lock.json']
const SCRIPT_INPUTS = ['index.ts', 'lib', 'setup', 'tsconfig.json', 'package.json', 'package-lock.json']
const TYPINGS = join(packageRoot, 'lib', 'binding.d.ts')

/**
 * @param {import('./terminal.mjs').Reporter} reporter
 * @param {import('./libtorch.mjs').Libtorch} libtorch
 */
export async function buildNative(reporter, libtorch) {
  reporter.begin('native build')
  linkLibtorch(libtorch.path)
  const files = nativeFiles()
  const stamp = join(nativeFolder, '.stamp')
  const facts = [libtorch.path, libtorch.version, ffmpegVersion(), process.platform, process.arch]
  const cuda = wantsCuda()
  if (cuda) facts.push('cuda', findNvcc() ?? '', process.env.CUDA_ARCHS ?? '')
  const value = fingerprint(packageRoot, NATIVE_INPUTS, facts)
  if (isFresh(stamp, value, [...Object.values(files), TYPINGS])) return reporter.done('up to date')
  rmSync(stamp, { force: true })
  await compile(reporter, libtorch)
  const folder = join(targetFolder(), hostTriple(), 'release')
  const library = process.platform === 'darwin' ? 'dylib' : 'so'
  replaceFile(join(folder, `libtimeweave_loader.${library}`), files.loader)
  replaceFile(join(folder, `libtimeweave_ffmpeg.${library}`), files.ffmpeg)
  const tch = /name = "tch"\nversion = "([^"]+)"/.exec(readFileSync(join(packageRoot, 'Cargo.lock'), 'utf8'))?.[1]
  writeFileSync(files.info, `${JSON.stringify({ tch, libtorch: libtorch.version, ffmpeg: ffmpegVersion(), cuda }, null, 2)}\n`)
  writeStamp(stamp, value)
  reporter.done(`native/ built against libtorch ${libtorch.version}${cuda ? ', with CUDA kernels' : ''}`)
}

/**
 * @param {import('./terminal.mjs').Reporter} reporter
 * @param {import('./libtorch.mjs').Libtorch} libtorch
 */
async function compile(reporter, libtorch) {
  mkdirSync(nativeFolder, { recursive: true })
  const napi = join(packageRoot, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js')
  const options = ['build', '--package', 'timeweave-node', '--release', '--output-dir', nativeFolder, '--dts', '../lib/binding.d.ts']
  // The feature with its package's name: the others do not have it.
  if (wantsCuda()) options.push('--features', 'timeweave-node/cuda')
  const others = ['--', '-p', 'timeweave-loader', '-p', 'timeweave-ffmpeg']
  let compiled = 0
  let state = 'starting cargo'
  const beat = setInterval(() => reporter.progress(state), 1000)
  try {
    const { status, tail } = await watch(process.execPath, [napi, ...options, ...others], {
      cwd: packageRoot,
      env: cargoEnvironment(libtorch),
      onLine: (line) => {
        const crate = /^\s*Compiling (\S+)/.exec(line)?.[1]
        if (crate) state = `${++compiled} crates, now ${crate}`
        else if (/Blocking waiting for file lock/.test(line)) state = 'waiting for another cargo to end'
      },
    })
    if (status !== 0) throw new SetupError('the native build failed', { details: tail, fix: 'npm run setup' })
  } finally {
    clearInterval(beat)
  }
}

/**
 * Compiles the TypeScript and bundles the report's charts.
 * @param {import('./terminal.mjs').Reporter} reporter
 */
export async function buildScripts(reporter) {
  reporter.begin('TypeScript')
  const stamp = join(packageRoot, 'dist', '.stamp')
  const outputs = [join(packageRoot, 'dist', 'index.js'), join(packageRoot, 'dist', 'lib', 'cli', 'main.js')]
  const value = fingerprint(packageRoot, SCRIPT_INPUTS, [])
  if (isFresh(stamp, value, outputs)) return reporter.done('up to date')
  rmSync(join(packageRoot, 'dist'), { recursive: true, force: true })
  reporter.progress('tsc')
  const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, tail } = await watch(process.execPath, [tsc, '-p', packageRoot], { cwd: packageRoot })
  if (status !== 0) throw new SetupError('the TypeScript does not compile', { details: tail, fix: 'npm run build' })
  await bundleCharts(reporter)
  writeStamp(stamp, value)
  reporter.done('dist/ compiled')
}

/**
 * Puts the chart library into the one file that draws: installed, it would be 67 MB of a dependency.
 * @param {import('./terminal.mjs').Reporter} reporter
 */
async function bundleCharts(reporter) {
  const charts = join(packageRoot, 'dist', 'lib', 'report', 'charts.js')
  reporter.progress('bundling the charts')
  const esbuild = join(packageRoot, 'node_modules', '.bin', 'esbuild')
  const options = ['--bundle', '--format=esm', '--platform=node', '--target=node20', '--allow-overwrite', '--log-level=warning']
  const { status, tail } = await watch(esbuild, [charts, ...options, '--minify-syntax', `--outfile=${charts}`], { cwd: packageRoot })
  if (status !== 0) throw new SetupError('the charts could not be bundled', { details: tail, fix: 'npm run build' })
}

/**
 * The environment cargo must see. LIBTORCH is the real absolute path: through the `.libtorch` link every clone would rebuild torch-sys.
 * @param {import('./libtorch.mjs').Libtorch} libtorch
 * @returns {NodeJS.ProcessEnv}
 */
export function cargoEnvironment(libtorch) {
  return { ...process.env, LIBTORCH: libtorch.path }
}

/**
 * Points `.libtorch` at the library, for editors and for a bare `cargo` on the command line.
 * @param {string} target
 */
function linkLibtorch(target) {
  const link = join(packageRoot, '.libtorch')
  const present = lstatSync(link, { throwIfNoEntry: false })
  if (present?.isSymbolicLink() && readlinkSync(link) === target) return
  rmSync(link, { recursive: true, force: true })
  symlinkSync(target, link)
}

/**
 * Copies beside the place and renames: a library that is mapped by a running process must not change under it.
 * @param {string} from
 * @param {string} to
 */
function replaceFile(from, to) {
  if (!existsSync(from)) throw new SetupError(`cargo did not make ${from}`, { fix: 'npm run setup' })
  copyFileSync(from, `${to}.new`)
  renameSync(`${to}.new`, to)
}

/** @returns {string} */
function targetFolder() {
  const { ok, stdout, stderr } = capture('cargo', ['metadata', '--format-version', '1', '--no-deps'], { cwd: packageRoot })
  if (!ok) throw new SetupError('cargo metadata failed', { details: stderr })
  return JSON.parse(stdout).target_directory
}

/** @returns {string} */
function hostTriple() {
  const triple = /^host: (.+)$/m.exec(capture('rustc', ['-vV']).stdout)?.[1]
  if (!triple) throw new SetupError('rustc -vV does not say which host this is')
  return triple
}
