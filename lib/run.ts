//! Long work as an object: events to iterate, a result to await, a way to stop it.

import { TimeweaveError, errorFromRecord, toTimeweaveError, type ErrorRecord } from './errors.js'

/** Work that goes on in the background. It begins at once and needs no reader. */
export interface Run<E, R> extends AsyncIterable<E> {
  /** The outcome. Whoever iterates gets its error from the iterator and need not await it too. */
  readonly result: Promise<R>
  /** Stops the work; `result` then rejects with code `ABORTED`. Leaving a `for await` loop early does not stop it. */
  cancel(): void
}

/** What stops a run from outside. */
export interface RunOptions {
  /** Stops the run; its reason becomes the error's `cause`. */
  signal?: AbortSignal
}

/** The native side of a run. */
interface NativeJob {
  cancel(): void
}

/** The last message of a native job, after its events. */
type Ending<R> = { type: 'done'; result: R } | { type: 'failed'; error: ErrorRecord }

interface Settle<R> {
  resolve(result: R): void
  reject(error: TimeweaveError): void
}

/** Events kept for a reader that is slow or has not come yet; beyond it the oldest steps go, which are only progress. */
const MOST_EVENTS = 4096

/** Starts a native job and gives it the shape of a {@link Run}. */
export function startRun<E extends { readonly type: string }, R>(
  start: (onEvent: (json: string) => void) => NativeJob,
  { signal }: RunOptions = {},
): Run<E, R> {
  return new NativeRun<E, R>(start, signal)
}

class NativeRun<E extends { readonly type: string }, R> implements Run<E, R> {
  readonly result: Promise<R>
  readonly #signal: AbortSignal | undefined
  /** Ascending by number; numbers are missing where events were dropped. */
  readonly #events: { readonly number: number; readonly event: E }[] = []
  readonly #settle: Settle<R>
  #received = 0
  #ended = false
  #job: NativeJob | undefined
  #wake: (() => void)[] = []

  constructor(start: (onEvent: (json: string) => void) => NativeJob, signal: AbortSignal | undefined) {
    this.#signal = signal
    const settle: Partial<Settle<R>> = {}
    this.result = new Promise<R>((resolve, reject) => Object.assign(settle, { resolve, reject }))
    this.#settle = settle as Settle<R>
    if (signal?.aborted) {
      this.#fail(new TimeweaveError('ABORTED', 'the run was stopped before it began', { cause: signal.reason }))
      return
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    try {
      this.#job = start((json) => this.#receive(json))
    } catch (error) {
      this.#fail(toTimeweaveError(error))
    }
  }

  cancel(): void {
    if (!this.#ended) this.#job?.cancel()
  }

  [Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    // From here on the iterator reports the failure, also when its reader is busy elsewhere at that moment.
    this.result.catch(() => {})
    return this.#read()
  }

  async *#read(): AsyncGenerator<E, void, undefined> {
    for (let next = 0; ;) {
      const entry = this.#events[this.#placeOf(next)]
      if (entry !== undefined) {
        next = entry.number + 1
        yield entry.event
      } else if (this.#ended) {
        await this.result
        return
      } else {
        await new Promise<void>((resolve) => this.#wake.push(resolve))
      }
    }
  }

  /** Index of the first kept event whose number is `number` or more. */
  #placeOf(number: number): number {
    let [low, high] = [0, this.#events.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle]?.number ?? 0) < number) low = middle + 1
      else high = middle
    }
    return low
  }

  readonly #onAbort = (): void => this.cancel()

  #receive(json: string): void {
    const message: E | Ending<R> = JSON.parse(json)
    if (isEnding<E, R>(message)) {
      if (message.type === 'done') this.#end(() => this.#settle.resolve(message.result))
      else this.#fail(this.#errorOf(message.error))
      return
    }
    this.#events.push({ number: this.#received++, event: message })
    if (this.#events.length > MOST_EVENTS) {
      // An epoch or a checkpoint goes only where there is nothing but those.
      const oldestStep = this.#events.findIndex(({ event }) => event.type === 'step')
      this.#events.splice(Math.max(0, oldestStep), 1)
    }
    this.#wakeAll()
  }

  #errorOf(record: ErrorRecord): TimeweaveError {
    const byUs = record.code === 'ABORTED' && this.#signal?.aborted
    return errorFromRecord(record, byUs ? { cause: this.#signal?.reason } : undefined)
  }

  #fail(error: TimeweaveError): void {
    this.#end(() => this.#settle.reject(error))
  }

  #end(settle: () => void): void {
    this.#ended = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    settle()
    this.#wakeAll()
  }

  #wakeAll(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }
}

function isEnding<E extends { readonly type: string }, R>(message: E | Ending<R>): message is Ending<R> {
  return message.type === 'done' || message.type === 'failed'
}
