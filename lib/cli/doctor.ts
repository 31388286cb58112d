//! `timeweave doctor`: versions and paths of everything timeweave stands on, what is wrong and the command that mends it.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { isClone, nativeFiles, packageRoot } from '../../setup/places.mjs'
import { installCommand, missingSystemLibraries } from '../../setup/system.mjs'
import { checkCompiler, checkNode, checkPython, checkRust, type Finding } from '../../setup/tools.mjs'
import { toTimeweaveError } from '../errors.js'
import { openNative } from '../native.js'
import { emit, print } from './terminal.js'
import { ExitCode, verb, type CommonOptions } from './verb.js'

/** What the addon says of itself. */
interface Versions {
  readonly addon: string
  readonly libtorch: string
  readonly cuda: { readonly available: boolean; readonly devices: number }
  readonly ffmpeg: { readonly version: string } | { readonly error: string }
  readonly threads: number
}

/** The verb. */
export function doctorCommand(): Command {
  return verb('doctor', 'say what is installed and where, what is wrong, and the command that mends it').action(
    (options: CommonOptions) => {
      const findings = [checkNode(), ...nativeFindings(), ...(isClone ? buildFindings() : [])]
      const isWell = findings.every(({ problem }) => problem === null)
      if (options.json) emit({ ok: isWell, findings })
      else report(findings, isWell)
      if (!isWell) throw new ExitCode(1)
    },
  )
}

function report(findings: readonly Finding[], isWell: boolean): void {
  const width = Math.max(...findings.map(({ name }) => name.length))
  for (const { name, found, problem, fix } of findings) {
    print(`${problem === null ? '✔' : '✖'} ${name.padEnd(width)}  ${problem ?? found ?? ''}`)
    if (fix) print(`  ${' '.repeat(width)}  run: ${fix}`)
  }
  print(isWell ? 'everything is well' : 'something is wrong: the lines marked ✖ say what mends it')
}

/** The addon and what it opens; the first thing that fails hides the rest. */
function nativeFindings(): Finding[] {
  const fix = isClone ? 'npm run setup' : 'npx timeweave setup'
  const info = nativeFiles().info
  const built: { libtorch?: string } = existsSync(info) ? JSON.parse(readFileSync(info, 'utf8')) : {}
  const packageFile: { version: string } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  const self = finding('timeweave', `${packageFile.version} (${packageRoot})`)
  try {
    const { binding, libtorch, cudaProblem } = openNative()
    const versions: Versions = JSON.parse(binding.versions())
    const { cuda, ffmpeg } = versions
    return [
      self,
      finding(
        'addon',
        `${versions.addon}, built against libtorch ${built.libtorch ?? 'unknown'} (${nativeFiles().core}), ${versions.threads} threads`,
      ),
      finding('libtorch', `${libtorch.version} (${libtorch.path}, from ${libtorch.source})`),
      cudaProblem === null
        ? finding('CUDA', cuda.available ? `${cuda.devices} devices` : 'not available: networks run on the processor')
        : problem('CUDA', `libtorch's CUDA part could not be opened: ${cudaProblem}`, fix),
      'version' in ffmpeg ? finding('FFmpeg', ffmpeg.version) : problem('FFmpeg', `video files cannot be read: ${ffmpeg.error}`, fix),
    ]
  } catch (error) {
    const { code, message } = toTimeweaveError(error)
    return [self, problem('addon', `${code}: ${message}`, fix)]
  }
}

function buildFindings(): Finding[] {
  const missing = missingSystemLibraries()
  const libraries =
    missing.length === 0
      ? finding('system libraries', 'all that building needs')
      : problem('system libraries', `missing: ${missing.join(', ')}`, installCommand(missing))
  return [checkRust(), checkCompiler(), checkPython(), libraries]
}

function finding(name: string, found: string): Finding {
  return { name, found, problem: null, fix: null }
}

function problem(name: string, sentence: string, fix: string): Finding {
  return { name, found: null, problem: sentence, fix }
}
