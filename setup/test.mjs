//! `npm test`: the set-up, then every check in one go; `--only lint|parity|videos` runs a part.
import { join } from 'node:path'
import { cargoEnvironment } from './build.mjs'
import { runAttached, watch } from './child.mjs'
import { packageRoot } from './places.mjs'
import { setUpClone } from './steps.mjs'
import { Reporter, formatDuration } from './terminal.mjs'

/** @typedef {{ name: string, parts: string[], program: string, args: string[] }} Check */

const RELEASE = ['--release', '--workspace']
const PARITY_TESTS =
  'fixtures parity info recipe online plain independent volumes sampling transforms metrics checkpoints foreign fit initialise keymaps'.split(
    ' ',
  )
const VIDEO_TESTS = ['decode', 'decoders', 'program', 'exact', 'bad_input', 'frames', 'damage', 'cut', 'avi']

/** @type {Check[]} */
const CHECKS = [
  cargo('rust format', ['lint'], ['fmt', '--all', '--check']),
  npm('script format', ['lint'], 'oxfmt', ['--check']),
  npm('type check', ['lint'], 'tsc', ['-p', '__test__', '--noEmit']),
  npm('oxlint', ['lint'], 'oxlint', ['--type-aware', '--deny-warnings', 'index.ts', 'lib', 'setup', '__test__']),
  cargo('clippy', ['lint'], ['clippy', ...RELEASE, '--all-targets', '--', '-D', 'warnings']),
  // --no-fail-fast: one run tells all that is wrong; --show-output: tests that compare with golden numbers say how many
  // they checked.
  cargo('cargo test', [], ['test', ...RELEASE, '--no-fail-fast', '--', '--show-output']),
  cargo('parity', ['parity'], ['test', ...RELEASE, ...targets(PARITY_TESTS), '--', '--nocapture']),
  cargo('videos', ['videos'], ['test', ...RELEASE, ...targets(VIDEO_TESTS), '--', '--nocapture']),
  npm('ava', [], 'ava', []),
]

/** A line of any of the checks that says what failed. */
const REASON = /^test .* FAILED$|panicked at |^error(\[|:)|^\s*[✘×] /

const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined
const reporter = new Reporter(process.stdout)
process.exitCode = await main().catch((error) => {
  reporter.failed(error)
  reporter.verdict('npm test failed')
  return 1
})

async function main() {
  const libtorch = await setUpClone(reporter)
  const env = { ...cargoEnvironment(libtorch), CARGO_TERM_COLOR: process.env.CARGO_TERM_COLOR ?? 'never' }
  const chosen = CHECKS.filter((check) => (only === undefined ? !isPart(check) : check.parts.includes(only)))
  if (chosen.length === 0) throw new Error(`expected lint, parity or videos after --only but received ${only}`)
  const failed = []
  /** @type {string[]} */
  const reasons = []
  for (const { name, program, args } of chosen) {
    const started = Date.now()
    process.stdout.write(`\n── ${name}\n`)
    const status = await run(program, args, env, reasons)
    process.stdout.write(`${status === 0 ? '✔' : '✖'} ${name} (${formatDuration(Date.now() - started)})\n`)
    if (status === 130) return 130
    if (status !== 0) failed.push(name)
  }
  if (failed.length > 0) process.stdout.write(['', ...reasons, ''].join('\n'))
  reporter.begin('tests')
  const verdict = failed.length === 0 ? `all ${chosen.length} checks passed` : `failed: ${failed.join(', ')}`
  reporter.verdict(`\n${failed.length === 0 ? '✔' : '✖'} ${verdict}`)
  return failed.length === 0 ? 0 : 1
}

/**
 * Runs a check. Of what it prints in a log of many pages, the lines that say what failed are kept for the log's end.
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} reasons
 * @returns {Promise<number>} the exit status
 */
async function run(program, args, env, reasons) {
  if (process.stdout.isTTY) return runAttached(program, args, { cwd: packageRoot, env })
  let isNext = false
  const onLine = (/** @type {string} */ line) => {
    process.stdout.write(`${line}\n`)
    const isReason = REASON.test(line)
    // The line after a panic's place is its message.
    if (isReason || isNext) reasons.push(line.trim())
    isNext = isReason && line.includes('panicked at ')
  }
  const { status } = await watch(program, args, { cwd: packageRoot, env, onLine })
  return status
}

/** @param {Check} check whether it repeats a part of `cargo test` with its output shown */
function isPart(check) {
  return check.parts.includes('parity') || check.parts.includes('videos')
}

/**
 * @param {string[]} names of test targets
 * @returns {string[]}
 */
function targets(names) {
  return names.flatMap((name) => ['--test', name])
}

/**
 * @param {string} name
 * @param {string[]} parts
 * @param {string[]} args
 * @returns {Check}
 */
function cargo(name, parts, args) {
  return { name, parts, program: 'cargo', args }
}

/**
 * @param {string} name
 * @param {string[]} parts
 * @param {string} tool
 * @param {string[]} args
 * @returns {Check}
 */
function npm(name, parts, tool, args) {
  return { name, parts, program: join(packageRoot, 'node_modules', '.bin', tool), args }
}
