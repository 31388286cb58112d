import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { ERROR_CODES, TimeweaveError, createModel } from '../index.js'
import { FACADE_ERROR_CODES, NATIVE_ERROR_CODES, errorFromRecord, toTimeweaveError } from '../lib/errors.js'
import { native } from '../lib/native.js'
import { temporaryFolder } from './libtorch-folder.js'
import { SPEC } from './motion-clips.js'

/** Codes that no test can bring about, and why. */
const UNREACHABLE: Record<string, string> = {
  WORKER_FAILED: 'a decoding thread that panicked: only a mistake in this project does it',
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

test('the native side raises the codes of the list, all of them and no other', (t) => {
  t.deepEqual(native().errorCodes().toSorted(), [...NATIVE_ERROR_CODES].toSorted())
})

test('codes are listed once', (t) => {
  t.is(new Set(ERROR_CODES).size, ERROR_CODES.length)
  t.is(ERROR_CODES.length, NATIVE_ERROR_CODES.length + FACADE_ERROR_CODES.length)
})

test('every code stands in a test, on one side or the other', (t) => {
  const texts = ['__test__', 'crates'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
      .filter(
        (entry) =>
          entry.isFile() && (entry.name.endsWith('.spec.ts') || (entry.name.endsWith('.rs') && isTest(join(entry.parentPath, entry.name)))),
      )
      .map((entry) => testPart(readFileSync(join(entry.parentPath, entry.name), 'utf8'))),
  )
  const untested = ERROR_CODES.filter((code) => !(code in UNREACHABLE) && !texts.some((text) => new RegExp(`\\b${code}\\b`).test(text)))
  t.deepEqual(untested, [])
})

/** Rust tests stand in `tests` folders and files, and at the end of a file. */
function isTest(file: string): boolean {
  return /[/\\]tests([/\\]|\.rs)/.test(file) || readFileSync(file, 'utf8').includes('#[cfg(test)]')
}

function testPart(text: string): string {
  const at = text.indexOf('#[cfg(test)]')
  return at < 0 ? text : text.slice(at)
}

test('a native error keeps its code and message and gets a stack of the caller', async (t) => {
  const error = await t.throwsAsync(async function caller() {
    await createModel({ ...SPEC, numFrames: 0 })
  })
  t.true(error instanceof TimeweaveError)
  t.is((error as TimeweaveError).code, 'INVALID_SPEC')
  t.regex(error?.message ?? '', /expected .* for model\.numFrames but received 0/)
  t.regex(error?.stack ?? '', /caller/)
})

test('what is no error of ours becomes INTERNAL with its cause', (t) => {
  const cause = new RangeError('odd')
  t.like(toTimeweaveError(cause), { code: 'INTERNAL', message: 'odd', cause })
  t.is(toTimeweaveError('text').message, 'text')
  t.is(errorFromRecord({ code: 'NO_SUCH_CODE', message: 'm' }).code, 'INTERNAL')
})

test('weights that are missing, no weights, or of another network are told apart', async (t) => {
  const folder = temporaryFolder()
  const options = { device: 'cpu' } as const
  const path = join(folder, 'tsm.safetensors')
  const model = await createModel(SPEC, options)
  await model.save(path)
  await t.throwsAsync(model.save(join(folder, 'no', 'such', 'folder.safetensors')), {
    code: 'CHECKPOINT_UNWRITABLE',
    message: /folder\.safetensors/,
  })
  model.dispose()
  await t.throwsAsync(createModel(SPEC, { ...options, weights: join(folder, 'missing.safetensors') }), {
    code: 'CHECKPOINT_NOT_FOUND',
    message: /missing\.safetensors/,
  })
  await t.throwsAsync(createModel(SPEC, { ...options, weights: folder }), { code: 'CHECKPOINT_UNREADABLE' })
  await t.throwsAsync(createModel(SPEC, { ...options, weights: join(ROOT, 'package.json') }), {
    code: 'CHECKPOINT_UNREADABLE',
    message: /package\.json/,
  })
  const other = await t.throwsAsync(createModel({ arch: 'blvnet-tam', numClasses: 4, numFrames: 8 }, { ...options, weights: path }), {
    code: 'CHECKPOINT_MISMATCH',
  })
  t.regex(other?.message ?? '', /tsm/)
  t.regex(other?.message ?? '', /blvnet-tam/)
  await t.throwsAsync(createModel({ ...SPEC, numClasses: 7 }, { ...options, weights: path }), {
    code: 'CHECKPOINT_MISMATCH',
    message: /new_fc/,
  })
})

test('a device that is not there is named', async (t) => {
  await t.throwsAsync(createModel(SPEC, { device: 'cuda:99' }), { code: 'DEVICE_UNAVAILABLE', message: /cuda:99/ })
})
