//! PNG files from packed RGB pixels, for pictures inside a page that needs no other file.

import { crc32, deflateSync } from 'node:zlib'

/** Pixels of a picture: rows of red, green and blue bytes without padding. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
const COLOUR_RGB = 2
const FILTER_PAETH = 4

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = Buffer.alloc(12 + body.length)
  out.writeUInt32BE(body.length, 0)
  out.write(type, 4, 'latin1')
  out.set(body, 8)
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length)
  return out
}

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - upLeft)]
  if (a <= b && a <= c) return left
  return b <= c ? up : upLeft
}

/** Every row as differences from its neighbours, which deflate packs better than the pixels themselves. */
function filterRows({ width, height, data }: Pixels): Uint8Array {
  const stride = width * 3
  const out = new Uint8Array((stride + 1) * height)
  for (let y = 0; y < height; y++) {
    out[y * (stride + 1)] = FILTER_PAETH
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x
      const left = x >= 3 ? (data[at - 3] ?? 0) : 0
      const up = y > 0 ? (data[at - stride] ?? 0) : 0
      const upLeft = x >= 3 && y > 0 ? (data[at - stride - 3] ?? 0) : 0
      out[y * (stride + 1) + 1 + x] = (data[at] ?? 0) - paeth(left, up, upLeft)
    }
  }
  return out
}

/** The bytes of a PNG file. Throws a `RangeError` when the data does not hold `width * height` pixels. */
export function encodePng(pixels: Pixels): Uint8Array {
  const { width, height, data } = pixels
  if (width < 1 || height < 1 || data.length !== width * height * 3) {
    throw new RangeError(`expected ${width * height * 3} bytes for a ${width}x${height} picture but received ${data.length}`)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, COLOUR_RGB, 0, 0, 0], 8)
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(filterRows(pixels), { level: 9 })),
    chunk('IEND', new Uint8Array(0)),
  ])
}

/** Frames of one size side by side in one picture. */
export function joinFrames(frames: readonly Pixels[]): Pixels {
  const first = frames[0]
  if (first === undefined) throw new RangeError('expected at least one frame for a film strip but received none')
  const { width, height } = first
  const data = new Uint8Array(width * frames.length * height * 3)
  for (const [index, frame] of frames.entries()) {
    if (frame.width !== width || frame.height !== height) {
      throw new RangeError(`expected frames of ${width}x${height} but received ${frame.width}x${frame.height}`)
    }
    for (let y = 0; y < height; y++) {
      const row = frame.data.subarray(y * width * 3, (y + 1) * width * 3)
      data.set(row, (y * frames.length + index) * width * 3)
    }
  }
  return { width: width * frames.length, height, data }
}

/** A picture as the address of an `img` or a CSS background. */
export function pngAddress(pixels: Pixels): string {
  return `data:image/png;base64,${Buffer.from(encodePng(pixels)).toString('base64')}`
}
