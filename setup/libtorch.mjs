//! Finds libtorch, in the order $LIBTORCH, cache folder, a Python environment's torch, and says why a candidate will not do.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { capture, which } from './child.mjs'
import { cacheFolder, nativeFiles, packageRoot } from './places.mjs'
import { SetupError } from './terminal.mjs'

/**
 * The pairs that build and pass the tests from the same source; the first is fetched.
 * @type {readonly { tch: string, libtorch: string, fetch: string | null, precise: string }[]}
 */
export const SUPPORTED = [
  { tch: '0.26', libtorch: '2.13', fetch: '2.13.0', precise: '0.26.0' },
  { tch: '0.24', libtorch: '2.11', fetch: null, precise: '0.24.0' },
]

/**
 * @typedef {'LIBTORCH' | 'cache' | 'python'} LibtorchSource
 * @typedef {{ path: string, version: string, source: LibtorchSource, cuda: boolean }} Libtorch
 * @typedef {{ version: string, reason: null } | { version: string | null, reason: string }} Inspection
 * @typedef {{ path: string, source: LibtorchSource, reason: string }} Rejection
 * @typedef {'build' | 'run'} Purpose `build` needs headers too
 */

const LIBRARY = process.platform === 'darwin' ? 'dylib' : 'so'
// The constructor of libtorch's own exception type takes a std::string, whose mangled name tells the ABI.
const CXX11_MARK = Buffer.from('_ZN3c105ErrorC2ENS_14SourceLocationENSt7__cxx1112basic_string')

/**
 * @param {string} folder
 * @returns {string | null} such as "2.13.0", from `build-version` (archives, our cache) or `version.py` (Python)
 */
export function libtorchVersion(folder) {
  const stamp = readText(join(folder, 'build-version'))
  const python = readText(join(folder, 'version.py'))
  const text = stamp ?? /__version__\s*=\s*'([^']+)'/.exec(python ?? '')?.[1]
  return text ? (text.trim().split('+')[0] ?? null) : null
}

/**
 * Says whether a folder holds a libtorch that will do.
 * @param {string} folder
 * @param {{ minor: string, purpose: Purpose }} wanted
 * @returns {Inspection}
 */
export function inspectLibtorch(folder, wanted) {
  if (!existsSync(folder)) return { version: null, reason: 'there is no such folder' }
  const version = libtorchVersion(folder)
  if (version === null) return { version, reason: 'neither build-version nor version.py says which version it is' }
  if (minorOf(version) !== wanted.minor) {
    return { version, reason: `expected libtorch ${wanted.minor}.x but received ${version}` }
  }
  for (const name of [`lib/libtorch_cpu.${LIBRARY}`, `lib/libc10.${LIBRARY}`]) {
    if (!existsSync(join(folder, name))) return { version, reason: `${name} is missing` }
  }
  if (process.platform === 'linux' && !hasCxx11Abi(join(folder, 'lib', 'libc10.so'))) {
    return { version, reason: 'it was built with the C++ ABI from before C++11 (_GLIBCXX_USE_CXX11_ABI=0), expected 1' }
  }
  if (wanted.purpose === 'build') {
    for (const name of [`lib/libtorch.${LIBRARY}`, 'include/torch/csrc/api/include/torch/torch.h']) {
      if (!existsSync(join(folder, name))) return { version, reason: `${name}, which building needs, is missing` }
    }
  }
  return { version, reason: null }
}

/**
 * @param {{ minor: string, purpose: Purpose }} wanted
 * @returns {{ libtorch: Libtorch | null, rejected: Rejection[] }} the first that will do, and what was passed over
 */
export function findLibtorch(wanted) {
  /** @type {Rejection[]} */
  const rejected = []
  for (const { path, source } of candidates()) {
    const { version, reason } = inspectLibtorch(path, wanted)
    if (reason === null) {
      const real = realpathSync(path)
      return { libtorch: { path: real, version, source, cuda: existsSync(join(real, 'lib', `libtorch_cuda.${LIBRARY}`)) }, rejected }
    }
    rejected.push({ path, source, reason })
    // A folder the user names is meant: another one must not be taken silently in its place.
    if (source === 'LIBTORCH') break
  }
  return { libtorch: null, rejected }
}

/** @returns {Generator<{ path: string, source: LibtorchSource }>} */
function* candidates() {
  if (process.env.LIBTORCH) yield { path: process.env.LIBTORCH, source: 'LIBTORCH' }
  const cache = join(cacheFolder(), 'libtorch')
  const complete = existsSync(cache) ? readdirSync(cache).filter((name) => !name.endsWith('.partial')) : []
  for (const name of complete.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))) {
    yield { path: join(cache, name), source: 'cache' }
  }
  for (const path of pythonTorches()) yield { path, source: 'python' }
}

/** @returns {Generator<string>} folders of the `torch` packages that Python environments hold, found without importing them */
function* pythonTorches() {
  const environments = [process.env.VIRTUAL_ENV, process.env.CONDA_PREFIX].filter((folder) => folder !== undefined)
  const pythons = [...environments.map((folder) => join(folder, 'bin', 'python')), which('python3'), which('python')]
  const seen = new Set()
  for (const python of pythons) {
    if (!python || !existsSync(python)) continue
    const code = "import importlib.util as u; s = u.find_spec('torch'); print(s.origin if s and s.origin else '')"
    const origin = capture(python, ['-c', code], { timeoutMs: 10_000 }).stdout.trim()
    if (!origin || seen.has(origin)) continue
    seen.add(origin)
    yield dirname(origin)
  }
}

/**
 * The libtorch that this source (Cargo.lock) or this build (native/build.json) works with.
 * @returns {{ tch: string, libtorch: string, fetch: string | null, precise: string }}
 */
export function wantedLibtorch() {
  const built = readText(nativeFiles().info)
  const lock = built ? undefined : readText(join(packageRoot, 'Cargo.lock'))
  const tch = built ? String(JSON.parse(built).tch) : /name = "tch"\nversion = "([^"]+)"/.exec(lock ?? '')?.[1]
  return supportedByTch(tch)
}

/** @returns {{ tch: string, libtorch: string, fetch: string | null, precise: string }} what Cargo.lock asks for, whatever was built before */
export function lockedLibtorch() {
  return supportedByTch(/name = "tch"\nversion = "([^"]+)"/.exec(readText(join(packageRoot, 'Cargo.lock')) ?? '')?.[1])
}

/** @param {string | undefined} tch */
function supportedByTch(tch) {
  const known = tch === undefined ? SUPPORTED[0] : SUPPORTED.find((pair) => minorOf(tch) === pair.tch)
  if (!known) {
    throw new SetupError(`expected tch ${SUPPORTED.map((pair) => pair.tch).join(' or ')} in Cargo.lock but received ${tch}`, {
      fix: `cargo update -p tch --precise ${SUPPORTED[0]?.precise}`,
    })
  }
  return known
}

/**
 * The sentence for a `$LIBTORCH` that will not do.
 * @param {Rejection} rejection
 * @param {string} minor the minor version that was wanted
 * @returns {SetupError}
 */
export function refusal(rejection, minor) {
  const version = existsSync(rejection.path) ? libtorchVersion(rejection.path) : null
  const other = SUPPORTED.find((pair) => version !== null && minorOf(version) === pair.libtorch && pair.libtorch !== minor)
  const fix = other
    ? `cargo update -p tch --precise ${other.precise} && npm run setup`
    : 'unset LIBTORCH, or set it to a libtorch that fits'
  const hint = other ? ` (libtorch ${other.libtorch} needs tch ${other.tch})` : ''
  return new SetupError(`LIBTORCH=${rejection.path} will not do: ${rejection.reason}${hint}`, { fix, code: 'LIBTORCH_VERSION' })
}

/**
 * @param {string} version
 * @returns {string} such as "2.13"
 */
export function minorOf(version) {
  return version.split('.').slice(0, 2).join('.')
}

/** @param {string} file */
function hasCxx11Abi(file) {
  return readFileSync(file).includes(CXX11_MARK)
}

/** @param {string} file */
function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
