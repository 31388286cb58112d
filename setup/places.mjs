//! Where things are: the package's own folder, the cache folder, the native pieces.
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json, the same from the sources and from `dist`. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)))

/** Where the loader, the core addon and the FFmpeg plugin lie. */
export const nativeFolder = join(packageRoot, 'native')

/** Whether this is a clone with sources to build, not an installed package. */
export const isClone = existsSync(join(packageRoot, 'Cargo.toml'))

/**
 * @param {string} folder
 * @returns {string}
 */
function findPackageRoot(folder) {
  // `dist` has no package.json of its own, so the first one upwards is ours.
  return existsSync(join(folder, 'package.json')) ? folder : findPackageRoot(dirname(folder))
}

/** @returns {string} `$TIMEWEAVE_HOME`, else the platform's user cache folder + `/timeweave` */
export function cacheFolder() {
  if (process.env.TIMEWEAVE_HOME) return process.env.TIMEWEAVE_HOME
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'timeweave')
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'timeweave')
}

/** @returns {{ loader: string, core: string, ffmpeg: string, info: string }} the files the native build makes */
export function nativeFiles() {
  const library = process.platform === 'darwin' ? 'dylib' : 'so'
  return {
    loader: join(nativeFolder, 'loader.node'),
    core: join(nativeFolder, 'core.node'),
    ffmpeg: join(nativeFolder, `libtimeweave_ffmpeg.${library}`),
    info: join(nativeFolder, 'build.json'),
  }
}
