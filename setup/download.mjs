//! Downloads one file over HTTP, going on where an earlier try stopped, with a short time-out so that a closed network is noticed at once.
import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SetupError } from './terminal.mjs'

const CONNECT_MS = 6000
const STALL_MS = 60_000

/**
 * @param {string} url
 * @param {string} file where it goes; until it is whole it is called `file.part`
 * @param {(done: number, total: number) => void} onProgress bytes; total is 0 where the server does not say
 */
export async function download(url, file, onProgress) {
  if (existsSync(file)) return
  const part = `${file}.part`
  const have = existsSync(part) ? statSync(part).size : 0
  const control = new AbortController()
  let timer = setTimeout(() => control.abort(new Error(`no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS)
  try {
    const response = await fetch(url, { signal: control.signal, headers: have > 0 ? { range: `bytes=${have}-` } : {} })
    if (response.status === 416) rmSync(part, { force: true })
    if (!response.ok || !response.body) throw new SetupError(`${new URL(url).host} answered ${response.status}`)
    const resumed = response.status === 206
    const total = Number(response.headers.get('content-length') ?? 0) + (resumed ? have : 0)
    let done = resumed ? have : 0
    const counted = async function* (/** @type {AsyncIterable<Uint8Array>} */ source) {
      for await (const chunk of source) {
        clearTimeout(timer)
        timer = setTimeout(() => control.abort(new Error(`nothing received for ${STALL_MS / 1000} s`)), STALL_MS)
        done += chunk.length
        onProgress(done, total)
        yield chunk
      }
    }
    await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(part, { flags: resumed ? 'a' : 'w' }))
    if (total > 0 && done !== total) throw new SetupError(`expected ${total} bytes but received ${done}`)
    renameSync(part, file)
  } catch (error) {
    throw error instanceof SetupError ? error : new SetupError(`${new URL(url).host}: ${reasonOf(error)}`)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * @param {unknown} error what fetch threw: its own message is always "fetch failed"
 * @returns {string}
 */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
