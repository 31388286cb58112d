//! The temporal operations of the networks, on tensors.

import { TimeweaveError } from './errors.js'
import { checkTensor } from './input.js'
import { awaitNative } from './native.js'
import type { Tensor } from './results.js'

/**
 * TSM's shift: channels `0..fold` come from the next frame, `fold..2*fold` from the one before, the rest stays. Features from outside
 * the clip are zero.
 *
 * @param x `[N*T, C, H, W]`: clips folded into the batch
 * @param frames T, frames of a clip
 * @param fold channels that move each way, at most C/2
 * @returns a tensor of the shape of `x`
 */
async function temporalShift(x: Tensor, frames: number, fold: number): Promise<Tensor> {
  checkTensor('x', x)
  checkCount('frames', frames)
  checkCount('fold', fold)
  return awaitNative((binding) => binding.temporalShift(x, frames, fold))
}

/**
 * TIN's interlacing: the first `fold` channels, in G groups of neighbours, move by `offsets` frames (between two frames it is
 * interpolated linearly; positive moves to later frames) and each output frame is weighed. Other channels stay.
 *
 * @param x `[N*T, C, H, W]`: clips folded into the batch
 * @param offsets `[N, G]`, in frames
 * @param weights `[N, T, G]`
 * @param frames T, frames of a clip
 * @param fold channels that move, a multiple of G
 * @returns a tensor of the shape of `x`
 */
async function temporalInterlace(x: Tensor, offsets: Tensor, weights: Tensor, frames: number, fold: number): Promise<Tensor> {
  checkTensor('x', x)
  checkTensor('offsets', offsets)
  checkTensor('weights', weights)
  checkCount('frames', frames)
  checkCount('fold', fold)
  return awaitNative((binding) => binding.temporalInterlace(x, offsets, weights, frames, fold))
}

/**
 * TAM's aggregation: each frame becomes `ReLU(sum_j taps[j] * x[t + j - floor(r/2)])`, channel by channel: with an even r there is
 * one more tap on the side of the past, as in the authors' code. Frames outside the clip are zero.
 *
 * @param x `[N*T, C, H, W]`: clips folded into the batch
 * @param taps `[r, C]`
 * @param frames T, frames of a clip
 * @returns a tensor of the shape of `x`
 */
async function temporalAggregate(x: Tensor, taps: Tensor, frames: number): Promise<Tensor> {
  checkTensor('x', x)
  checkTensor('taps', taps)
  checkCount('frames', frames)
  return awaitNative((binding) => binding.temporalAggregate(x, taps, frames))
}

/** The temporal operations. Each runs off the event loop and rejects with a `TimeweaveError` that names the argument. */
export const ops = { temporalShift, temporalInterlace, temporalAggregate } as const

/** Numbers cross the boundary as they are; a fraction would be cut off there without a word. */
function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new TimeweaveError('INPUT_INVALID', `expected a whole number from 0 for ${name} but received ${String(value)}`)
}
