//! The one error type of the package and the list of its codes.

/** Codes that the native side can raise; a test compares this list with the one it reports. */
export const NATIVE_ERROR_CODES = [
  'ABORTED',
  'CHECKPOINT_MISMATCH',
  'CHECKPOINT_NAMES_UNKNOWN',
  'CHECKPOINT_NOT_FOUND',
  'CHECKPOINT_REFUSED',
  'CHECKPOINT_TOO_LARGE',
  'CHECKPOINT_TRUNCATED',
  'CHECKPOINT_UNREADABLE',
  'CHECKPOINT_UNWRITABLE',
  'CHECKPOINT_WITHOUT_CARD',
  'CONFIG_INVALID',
  'DAMAGED_VIDEO',
  'DECODER_MISSING',
  'DECODE_FAILED',
  'DEVICE_MISMATCH',
  'DEVICE_UNAVAILABLE',
  'DISPOSED',
  'DTYPE_MISMATCH',
  'EMPTY_LIST',
  'EMPTY_VIDEO',
  'ENCODE_FAILED',
  'FILE_ACCESS',
  'FILE_NOT_FOUND',
  'FRAME_MISSING',
  'FRAME_OUT_OF_RANGE',
  'FRAME_SIZE',
  'INPUT_INVALID',
  'INTERNAL',
  'INVALID_FRAME',
  'INVALID_IMAGE',
  'INVALID_OPTION',
  'INVALID_SPEC',
  'LABEL_OUT_OF_RANGE',
  'LIBTORCH_ERROR',
  'LIST_AMBIGUOUS',
  'LIST_INVALID',
  'LIST_LOSSY',
  'LIST_NOT_FOUND',
  'LOSS_NOT_FINITE',
  'NON_FINITE',
  'NOT_A_VIDEO',
  'NO_FLOW',
  'NO_FRAMES',
  'NO_SAMPLES',
  'NO_VIDEO_STREAM',
  'RESUME_INVALID',
  'SHAPE_MISMATCH',
  'WORKER_FAILED',
] as const

/** Codes that only this side raises: what can go wrong before the native side is open. */
export const FACADE_ERROR_CODES = [
  /** The demonstration's networks did not reach the accuracies that it promises. */
  'EXPECTATION_MISSED',
  /** The native pieces were not built or not installed. */
  'ADDON_MISSING',
  /** An argument or an option cannot be what it is. */
  'ARGUMENT_INVALID',
  /** Lists were checked and something in them had to be dropped or corrected. */
  'CHECK_FAILED',
  /** No libtorch was found; `npx timeweave setup` fetches one. */
  'LIBTORCH_MISSING',
  /** libtorch was found but could not be opened. */
  'LIBTORCH_UNUSABLE',
  /** libtorch is of a version that this build does not work with. */
  'LIBTORCH_VERSION',
  /** The set-up could not do its work. */
  'SETUP_FAILED',
] as const

/** Every code a {@link TimeweaveError} can have. */
export const ERROR_CODES: readonly ErrorCode[] = [...NATIVE_ERROR_CODES, ...FACADE_ERROR_CODES]

/** What went wrong, for programs; the message is for people. */
export type ErrorCode = (typeof NATIVE_ERROR_CODES)[number] | (typeof FACADE_ERROR_CODES)[number]

/** Every error that this package throws or rejects with. */
export class TimeweaveError extends Error {
  /** One of {@link ERROR_CODES}. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'TimeweaveError'
    this.code = code
  }
}

/** What crosses the boundary for an error. */
export interface ErrorRecord {
  readonly code: string
  readonly message: string
}

/** The error of a record that the native side wrote. */
export function errorFromRecord(record: ErrorRecord, options?: { cause?: unknown }): TimeweaveError {
  const code = isErrorCode(record.code) ? record.code : 'INTERNAL'
  return new TimeweaveError(code, record.message, options)
}

/** Gives whatever was thrown at the boundary the package's own type, with a stack of this side. */
export function toTimeweaveError(thrown: unknown): TimeweaveError {
  if (thrown instanceof TimeweaveError) return thrown
  if (!(thrown instanceof Error)) return new TimeweaveError('INTERNAL', String(thrown), { cause: thrown })
  const code = 'code' in thrown ? thrown.code : undefined
  if (isErrorCode(code)) return new TimeweaveError(code, thrown.message)
  return new TimeweaveError('INTERNAL', thrown.message, { cause: thrown })
}

function isErrorCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code)
}
