import test from 'ava'
import { ops, type Tensor } from '../index.js'

function tensor(shape: number[], values: number[]): Tensor {
  return { data: Float32Array.from(values), shape }
}

test('a shift takes channels from the frames beside', async (t) => {
  // Two frames of three channels: the first comes from the next frame, the second from the one before.
  const { data, shape } = await ops.temporalShift(tensor([2, 3, 1, 1], [1, 2, 3, 4, 5, 6]), 2, 1)
  t.deepEqual(shape, [2, 3, 1, 1])
  t.deepEqual([...data], [4, 0, 3, 0, 2, 6])
})

test('interlacing moves by fractions of a frame and weighs', async (t) => {
  const x = tensor([3, 2, 1, 1], [1, 7, 2, 8, 4, 9])
  const { data } = await ops.temporalInterlace(x, tensor([1, 1], [-0.5]), tensor([1, 3, 1], [1, 1, 2]), 3, 1)
  t.deepEqual([...data], [1.5, 7, 3, 8, 4, 9])
})

test('an aggregation adds the neighbours and rectifies', async (t) => {
  const x = tensor([3, 1, 1, 2], [1, -1, 2, -2, 4, -4])
  const { data } = await ops.temporalAggregate(x, tensor([3, 1], [10, 1, 0.5]), 3)
  t.deepEqual([...data], [2, 0, 14, 0, 24, 0])
})

test('an even number of taps has one more for the past', async (t) => {
  const { data } = await ops.temporalAggregate(tensor([3, 1, 1, 1], [1, 2, 4]), tensor([2, 1], [10, 1]), 3)
  t.deepEqual([...data], [1, 12, 24])
})

test('an empty batch gives an empty batch', async (t) => {
  const { data, shape } = await ops.temporalAggregate(tensor([0, 2, 3, 3], []), tensor([3, 2], [1, 1, 1, 1, 1, 1]), 4)
  t.is(data.length, 0)
  t.deepEqual(shape, [0, 2, 3, 3])
})

test('arguments that do not fit are named', async (t) => {
  const x = tensor([3, 2, 1, 1], [1, 2, 3, 4, 5, 6])
  const refused = async (call: Promise<Tensor>, code: string, words: RegExp): Promise<void> => {
    const error = await t.throwsAsync(call, { name: 'TimeweaveError', message: words })
    t.is((error as { code?: string }).code, code)
  }
  await refused(ops.temporalShift(x, 2, 1), 'SHAPE_MISMATCH', /frames.*3 images.*received 2/)
  await refused(ops.temporalShift(x, 3, 2), 'SHAPE_MISMATCH', /fold.*received 2/)
  await refused(ops.temporalShift(x, 1.5, 0), 'INPUT_INVALID', /frames.*1\.5/)
  await refused(ops.temporalShift({ ...x, shape: [3, 3] }, 3, 1), 'INPUT_INVALID', /x\.data/)
  await refused(ops.temporalAggregate(x, tensor([3, 1], [1, 1, 1]), 3), 'SHAPE_MISMATCH', /taps/)
  await refused(ops.temporalInterlace(x, tensor([1, 1], [Number.NaN]), tensor([1, 3, 1], [1, 1, 1]), 3, 1), 'NON_FINITE', /offsets/)
  await refused(ops.temporalInterlace(x, tensor([2, 1], [0, 0]), tensor([1, 3, 1], [1, 1, 1]), 3, 1), 'SHAPE_MISMATCH', /offsets/)
})
