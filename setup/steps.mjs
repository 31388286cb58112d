//! The set-up's steps in order: tools, npm packages, system libraries, libtorch, native build, TypeScript.
import { buildNative, buildScripts } from './build.mjs'
import { fetchLibtorch } from './fetch.mjs'
import { findLibtorch, lockedLibtorch, refusal, wantedLibtorch } from './libtorch.mjs'
import { ensurePackages } from './packages.mjs'
import { isClone } from './places.mjs'
import { ensureSystemLibraries } from './system.mjs'
import { SetupError } from './terminal.mjs'
import { checkCompiler, checkNode, checkNvcc, checkPython, checkRust, wantsCuda } from './tools.mjs'

/**
 * Everything from a bare clone to a built package.
 * @param {import('./terminal.mjs').Reporter} reporter
 * @returns {Promise<import('./libtorch.mjs').Libtorch>}
 */
export async function setUpClone(reporter) {
  ensureTools(reporter)
  await ensurePackages(reporter)
  await ensureSystemLibraries(reporter)
  const libtorch = await ensureLibtorch(reporter)
  await buildNative(reporter, libtorch)
  await buildScripts(reporter)
  return libtorch
}

/** @param {import('./terminal.mjs').Reporter} reporter */
function ensureTools(reporter) {
  reporter.begin('tools')
  const findings = [checkNode(), checkRust(), checkCompiler(), checkPython(), ...(wantsCuda() ? [checkNvcc()] : [])]
  const missing = findings.filter((finding) => finding.problem !== null)
  if (missing.length > 0) {
    throw new SetupError(missing.map((finding) => finding.problem).join('; '), {
      fix: missing.map((finding) => finding.fix).join(' && '),
    })
  }
  reporter.done(findings.map((finding) => finding.found?.replace(/ \(.*/, '')).join(', '))
}

/**
 * Finds libtorch or fetches it.
 * @param {import('./terminal.mjs').Reporter} reporter
 * @returns {Promise<import('./libtorch.mjs').Libtorch>}
 */
export async function ensureLibtorch(reporter) {
  reporter.begin('libtorch')
  const purpose = isClone ? 'build' : 'run'
  const wanted = isClone ? lockedLibtorch() : wantedLibtorch()
  const search = () => findLibtorch({ minor: wanted.libtorch, purpose })
  let { libtorch, rejected } = search()
  const named = rejected.find((rejection) => rejection.source === 'LIBTORCH')
  if (named) throw refusal(named, wanted.libtorch)
  for (const { path, reason } of rejected) reporter.note(`passed over ${path}: ${reason}`)
  if (!libtorch) {
    if (wanted.fetch === null) {
      throw new SetupError(`no libtorch ${wanted.libtorch}, which tch ${wanted.tch} needs, was found`, {
        fix: `export LIBTORCH=<folder of an unpacked libtorch ${wanted.libtorch}>`,
        code: 'LIBTORCH_MISSING',
      })
    }
    await fetchLibtorch({ version: wanted.fetch, purpose, reporter })
    libtorch = search().libtorch
    if (!libtorch) throw new SetupError('libtorch was fetched but is not found again', { fix: 'npm run setup' })
  }
  reporter.done(`${libtorch.version} from ${libtorch.path}${libtorch.cuda ? ', with CUDA' : ''}`)
  return libtorch
}
