//! What the set-up prints: one line per step with its time, a moving line while a step runs on a terminal, a heartbeat elsewhere.

/** @typedef {{ write(text: string): unknown, isTTY?: boolean }} Sink */

/** A problem the reader can mend: one sentence, and the command that mends it. */
export class SetupError extends Error {
  /**
   * @param {string} message what is missing or wrong
   * @param {{ fix?: string, code?: string, details?: string }} [options] the command that mends it, the error code, and output worth showing
   */
  constructor(message, options = {}) {
    super(message)
    this.name = 'SetupError'
    /** The command that mends it. */
    this.fix = options.fix ?? ''
    /** Code of the library's list, so that the facade can raise the same error. */
    this.code = options.code ?? 'SETUP_FAILED'
    /** Tail of a failed program's output. */
    this.details = options.details ?? ''
  }
}

/**
 * @param {number} bytes
 * @returns {string} such as "12.3 MB"
 */
export function formatBytes(bytes) {
  if (bytes < 1e6) return `${Math.max(0, bytes / 1e3).toFixed(0)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

/**
 * @param {number} milliseconds
 * @returns {string} such as "0.4 s" or "2 min 05 s"
 */
export function formatDuration(milliseconds) {
  const seconds = milliseconds / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

const HEARTBEAT_MS = 15_000

/** Prints the steps of a set-up to one stream. */
export class Reporter {
  /** @param {Sink} sink where the lines go */
  constructor(sink) {
    this.sink = sink
    this.started = Date.now()
    this.stepStarted = this.started
    this.lastBeat = this.started
    this.name = ''
    this.moving = false
  }

  /** @param {string} name the step that begins, as a noun */
  begin(name) {
    this.name = name
    this.stepStarted = Date.now()
    this.lastBeat = this.stepStarted
  }

  /** @param {string} state what the running step is doing, sizes included */
  progress(state) {
    const now = Date.now()
    const line = `  ${this.name}: ${state} (${formatDuration(now - this.stepStarted)})`
    if (this.sink.isTTY) {
      this.sink.write(`\r\u001b[2K${line.slice(0, 110)}`)
      this.moving = true
    } else if (now - this.lastBeat >= HEARTBEAT_MS) {
      this.lastBeat = now
      this.sink.write(`${line}\n`)
    }
  }

  /** @param {string} outcome what the step found or made */
  done(outcome) {
    this.#line(`✔ ${this.name}: ${outcome} (${formatDuration(Date.now() - this.stepStarted)})`)
  }

  /** @param {string} sentence a fact worth a line of its own */
  note(sentence) {
    this.#line(`  ${sentence}`)
  }

  /** @param {unknown} error what stopped the set-up */
  failed(error) {
    const known = error instanceof SetupError ? error : undefined
    if (known?.details) this.#line(known.details.trimEnd())
    const text = error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error)
    this.#line(`✖ ${this.name || 'set-up'}: ${text}`)
    if (known?.fix) this.#line(`  run: ${known.fix}`)
  }

  /** @param {string} sentence the last line */
  verdict(sentence) {
    this.#line(`${sentence} (${formatDuration(Date.now() - this.started)})`)
  }

  /** @param {string} text */
  #line(text) {
    if (this.moving) this.sink.write('\r\u001b[2K')
    this.moving = false
    this.sink.write(`${text}\n`)
  }
}
