//! The system libraries of a source build: FFmpeg's headers for the decoder, libclang for its bindings, cmake and nasm for the JPEG reader.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { capture, watch, which } from './child.mjs'
import { SetupError } from './terminal.mjs'
import { asRoot } from './tools.mjs'

/** @typedef {{ name: string, present: () => boolean, packages: Record<'apt' | 'dnf' | 'pacman' | 'brew', string> }} Need */

const FFMPEG = ['libavcodec', 'libavformat', 'libavutil', 'libswscale']

/** @type {Need[]} */
const NEEDS = [
  {
    name: 'pkg-config',
    present: () => Boolean(which('pkg-config')),
    packages: { apt: 'pkg-config', dnf: 'pkgconf-pkg-config', pacman: 'pkgconf', brew: 'pkg-config' },
  },
  { name: 'cmake', present: () => Boolean(which('cmake')), packages: { apt: 'cmake', dnf: 'cmake', pacman: 'cmake', brew: 'cmake' } },
  { name: 'nasm', present: () => Boolean(which('nasm')), packages: { apt: 'nasm', dnf: 'nasm', pacman: 'nasm', brew: 'nasm' } },
  { name: 'libclang', present: hasLibclang, packages: { apt: 'libclang-dev', dnf: 'clang-devel', pacman: 'clang', brew: 'llvm' } },
  ...FFMPEG.map((name) => ({
    name,
    present: () => Boolean(which('pkg-config')) && capture('pkg-config', ['--exists', name]).ok,
    // dnf: FFmpeg proper is in RPM Fusion; Fedora's own "free" build has the same names and reads H.264 by its plug-in.
    packages: { apt: `${name}-dev`, dnf: `${name}-free-devel`, pacman: 'ffmpeg', brew: 'ffmpeg' },
  })),
]

/** @returns {string[]} names of what is not installed */
export function missingSystemLibraries() {
  return NEEDS.filter((need) => !need.present()).map((need) => need.name)
}

/** @returns {string} the FFmpeg development version, or "" */
export function ffmpegVersion() {
  return which('pkg-config') ? capture('pkg-config', ['--modversion', 'libavcodec']).stdout.trim() : ''
}

/**
 * @param {string[]} missing names from {@link missingSystemLibraries}
 * @returns {string} the one command that installs them here
 */
export function installCommand(missing) {
  const manager = packageManager()
  const names = packagesOf(missing, manager)
  if (manager === 'brew') return `brew install ${names}`
  if (manager === 'pacman') return asRoot(`pacman -S --needed --noconfirm ${names}`)
  if (manager === 'dnf') return asRoot(`dnf install -y ${names}`)
  return `${asRoot('apt-get update')} && ${asRoot(`apt-get install -y --no-install-recommends ${names}`)}`
}

/**
 * Installs what is missing when run as root; otherwise fails with the command.
 * @param {import('./terminal.mjs').Reporter} reporter
 */
export async function ensureSystemLibraries(reporter) {
  reporter.begin('system libraries')
  const missing = missingSystemLibraries()
  if (missing.length > 0) {
    const command = installCommand(missing)
    const manager = packageManager()
    if (process.getuid?.() !== 0 || !which(manager === 'apt' ? 'apt-get' : manager)) {
      throw new SetupError(`these system libraries are missing: ${missing.join(', ')}`, { fix: command })
    }
    const { status, tail } = await watch('sh', ['-c', command], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      onLine: (line) => reporter.progress(line.startsWith('Need to get') ? line : `installing ${missing.join(', ')}`),
    })
    const left = missingSystemLibraries()
    if (status !== 0 || left.length > 0) {
      throw new SetupError(`the system's package manager could not install ${left.join(', ')}`, { fix: command, details: tail })
    }
  }
  reporter.done(`${missing.length > 0 ? `installed ${missing.join(', ')}` : 'all present'}, libavcodec ${ffmpegVersion()}`)
}

/** @returns {'apt' | 'dnf' | 'pacman' | 'brew'} */
function packageManager() {
  if (process.platform === 'darwin') return 'brew'
  if (which('apt-get')) return 'apt'
  if (which('dnf')) return 'dnf'
  return which('pacman') ? 'pacman' : 'apt'
}

/**
 * @param {string[]} missing
 * @param {'apt' | 'dnf' | 'pacman' | 'brew'} manager
 */
function packagesOf(missing, manager) {
  return [...new Set(NEEDS.filter((need) => missing.includes(need.name)).map((need) => need.packages[manager]))].join(' ')
}

/** @returns {boolean} whether bindgen will find a libclang (it looks in these folders too) */
function hasLibclang() {
  const folders = [process.env.LIBCLANG_PATH, '/usr/lib64', '/usr/lib', '/usr/local/lib', '/opt/homebrew/opt/llvm/lib']
  for (const root of ['/usr/lib', '/usr/lib64']) {
    for (const name of list(root)) {
      if (name.startsWith('llvm')) folders.push(join(root, name, 'lib'))
      if (name.endsWith('-linux-gnu')) folders.push(join(root, name))
    }
  }
  const isLibclang = (/** @type {string} */ name) => /^libclang([-.]\d[\d.]*)?\.(so|dylib)/.test(name)
  return folders.some((folder) => folder !== undefined && existsSync(folder) && list(folder).some(isLibclang))
}

/** @param {string} folder */
function list(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
