//! Paths, URLs, frames and tensors from callers, checked before they cross to the native side.

import { fileURLToPath } from 'node:url'
import { TimeweaveError } from './errors.js'
import type { Frame, Tensor, VideoInput } from './results.js'

/** The inputs of one native call: paths stay paths, frames go beside them. */
export interface NativeInputs {
  readonly names: string[]
  /** JSON array of `{"path"}` and `{"frames", "name"}`. */
  readonly json: string
  readonly frames: Frame[][]
}

/** The path of a file that is named by path or by `file:` URL. */
export function pathOf(place: string | URL): string {
  if (typeof place === 'string') return place
  if (!(place instanceof URL)) throw invalid('a path', 'a string or a URL', place)
  if (place.protocol !== 'file:') throw invalid('a path', 'a file: URL', place.href)
  return fileURLToPath(place)
}

/** Whether the argument of `predict` is one input. An array of frames is one; an array of inputs is several. */
export function isSingleInput(input: VideoInput | VideoInput[]): input is VideoInput {
  return !Array.isArray(input) || isFrames(input)
}

/** Takes the inputs apart for the native side. */
export function nativeInputs(inputs: readonly VideoInput[]): NativeInputs {
  const names: string[] = []
  const frames: Frame[][] = []
  const entries = inputs.map((input, index) => {
    if (Array.isArray(input)) {
      const name = `frames[${index}]`
      names.push(name)
      input.forEach((frame, k) => checkFrame(frame, `${name}[${k}]`))
      return { frames: frames.push(input) - 1, name }
    }
    const path = pathOf(input)
    names.push(path)
    return { path }
  })
  return { names, json: JSON.stringify(entries), frames }
}

/** Takes a tensor whose data has as many numbers as its shape says. */
export function checkTensor(name: string, tensor: Tensor): void {
  const { data, shape } = typeof tensor === 'object' && tensor !== null ? tensor : { data: undefined, shape: undefined }
  if (!(data instanceof Float32Array)) throw invalid(`${name}.data`, 'a Float32Array', data)
  if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
    throw invalid(`${name}.shape`, 'an array of whole numbers', shape)
  }
  const count = shape.reduce((product, size) => product * size, 1)
  if (data.length !== count) throw invalid(`${name}.data`, `${count} numbers for shape [${shape.join(', ')}]`, data.length)
}

function checkFrame(frame: Frame, name: string): void {
  if (!isFrame(frame)) throw invalid(name, '{ data, width, height } with a Uint8Array of packed RGB', frame)
  const bytes = frame.width * frame.height * 3
  if (frame.data.length !== bytes) {
    throw invalid(`${name}.data`, `${bytes} bytes (${frame.width} x ${frame.height} x 3)`, frame.data.length)
  }
}

function isFrames(input: readonly unknown[]): input is Frame[] {
  return input.length > 0 && input.every((item) => isFrame(item))
}

function isFrame(item: unknown): item is Frame {
  return (
    typeof item === 'object' && item !== null && 'data' in item && item.data instanceof Uint8Array && 'width' in item && 'height' in item
  )
}

function invalid(field: string, expected: string, received: unknown): TimeweaveError {
  return new TimeweaveError('INPUT_INVALID', `expected ${expected} for ${field} but received ${describe(received)}`)
}

function describe(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object of type ${value.constructor?.name ?? 'Object'}`
  return String(value)
}
