//! The programs a source build needs: Node, Rust, a C++ compiler, Python 3 with pip, and nvcc where CUDA kernels are asked for.
import { delimiter, join } from 'node:path'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { capture, which } from './child.mjs'
import { SetupError } from './terminal.mjs'

/**
 * One thing that was looked for.
 * @typedef {{ name: string, found: string | null, problem: string | null, fix: string | null }} Finding
 */

export const MINIMUM_NODE = /** @type {const} */ ([20, 19])

/** @returns {Finding} */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const ok = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])
  return finding(
    'Node',
    ok ? `${process.version} (${process.execPath})` : null,
    `expected Node ${MINIMUM_NODE.join('.')} or newer but received ${process.version}`,
    'nvm install 22',
  )
}

/** @returns {Finding} */
export function checkRust() {
  addCargoToPath()
  const rustc = capture('rustc', ['--version'])
  const cargo = which('cargo')
  return finding(
    'Rust',
    rustc.ok && cargo ? `${rustc.stdout.trim()} (${cargo})` : null,
    'Rust (cargo and rustc) was not found on PATH',
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y",
  )
}

/** @returns {Finding} */
export function checkCompiler() {
  const compiler = [process.env.CXX, 'c++', 'g++', 'clang++'].find((name) => name && which(name))
  const version = compiler ? capture(compiler, ['--version']).stdout.split('\n')[0] : ''
  return finding(
    'C++ compiler',
    compiler ? `${version} (${which(compiler)})` : null,
    'no C++ compiler (c++, g++ or clang++) was found on PATH',
    compilerFix(),
  )
}

/** @returns {Finding} */
export function checkPython() {
  const python = findPython()
  const pip = python ? capture(python, ['-m', 'pip', '--version']) : undefined
  if (python && pip?.ok) {
    return finding('Python', `${capture(python, ['--version']).stdout.trim()} with pip ${pip.stdout.split(' ')[1]} (${python})`, '', '')
  }
  return python
    ? finding('Python', null, `${python} has no pip`, asRoot('apt-get install -y python3-pip'))
    : finding('Python', null, 'Python 3 was not found on PATH', asRoot('apt-get install -y python3 python3-pip'))
}

/** @returns {boolean} whether `TIMEWEAVE_CUDA=1` asks for the kernels of CUDA tensors */
export function wantsCuda() {
  const wanted = process.env.TIMEWEAVE_CUDA ?? ''
  if (!['', '0', '1'].includes(wanted)) throw new SetupError(`expected 0 or 1 for TIMEWEAVE_CUDA but received ${wanted}`)
  return wanted === '1'
}

/** @returns {Finding} */
export function checkNvcc() {
  const nvcc = findNvcc()
  const packages = ['cuda-nvcc', 'nvvm', 'cuda-runtime', 'cuda-crt', 'cuda-cccl']
  return finding(
    'nvcc',
    nvcc ? `nvcc (${nvcc})` : null,
    'TIMEWEAVE_CUDA=1 needs nvcc, and NVCC, CUDA_HOME, CUDA_PATH, PATH and /usr/local/cuda have none',
    `pip install ${packages.map((name) => `'nvidia-${name}==13.0.*'`).join(' ')} && export NVCC=<site-packages>/nvidia/cu13/bin/nvcc`,
  )
}

/** @returns {string | undefined} nvcc where the build script of the kernels looks for it, in its order */
export function findNvcc() {
  const { NVCC, CUDA_HOME, CUDA_PATH } = process.env
  const homes = [CUDA_HOME, CUDA_PATH].flatMap((home) => (home ? [join(home, 'bin', 'nvcc')] : []))
  const places = [NVCC, ...homes, which('nvcc'), '/usr/local/cuda/bin/nvcc']
  return places.find((place) => place && existsSync(place))
}

/** @returns {string | undefined} path of the first Python 3 on PATH */
export function findPython() {
  return which('python3') ?? which('python')
}

/** Rust's installer changes only future shells' PATH; its folder is known. */
export function addCargoToPath() {
  const folder = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'bin')
  const known = (process.env.PATH ?? '').split(delimiter)
  if (!which('cargo') && existsSync(join(folder, 'cargo'))) process.env.PATH = [...known, folder].join(delimiter)
}

/**
 * @param {string} command
 * @returns {string} the command as this user must type it
 */
export function asRoot(command) {
  return process.getuid?.() === 0 ? command : `sudo ${command}`
}

/** @returns {string} */
function compilerFix() {
  if (process.platform === 'darwin') return 'xcode-select --install'
  if (which('dnf')) return asRoot('dnf install -y gcc-c++')
  if (which('pacman')) return asRoot('pacman -S --needed --noconfirm gcc')
  return asRoot('apt-get install -y g++')
}

/**
 * @param {string} name
 * @param {string | null} found
 * @param {string} problem
 * @param {string} fix
 * @returns {Finding}
 */
function finding(name, found, problem, fix) {
  return found === null ? { name, found, problem, fix } : { name, found, problem: null, fix: null }
}
