//! What people see: tables, figures and moving progress lines on standard error.

import { stripVTControlCharacters } from 'node:util'
import type { LoadReport, SkippedSample } from '../results.js'

/** Writes a line for people. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Writes one JSON value as a line of standard output. */
export function emit(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Writes what a verb is for: to standard output, unless that belongs to JSON. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** A number and what it counts, in the singular where it is one: `1 video`, `2 classes`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Columns padded to their widest cell; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, k) => Math.max(title.length, ...rows.map((row) => row[k]?.length ?? 0)))
  const isNumeric = header.map((_, k) => rows.length > 0 && rows.every((row) => /^-?[\d.,]*( [%A-Za-z]+)?$/.test(row[k] ?? '')))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, k) => (isNumeric[k] ? cell.padStart(widths[k] ?? 0) : cell.padEnd(widths[k] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(header), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n')
}

/** What became of the weights of a file, in lines; lists of many names are shortened. */
export function reportLines({ source, loaded, missing, unexpected, reshaped, initialised }: LoadReport): string[] {
  const lines = [`${loaded.length} loaded${source === null ? '' : ` by the names of ${source}`}`]
  const shorten = (names: readonly string[]): string => names.slice(0, 4).join(', ') + (names.length > 4 ? ', ...' : '')
  const group = (what: string, names: readonly string[]): void => {
    if (names.length > 0) lines.push(`${names.length} ${what}: ${shorten(names)}`)
  }
  group('missing', missing)
  group('unexpected', unexpected)
  for (const reason of new Set(reshaped.map((weight) => weight.reason))) {
    const names = reshaped.filter((weight) => weight.reason === reason).map(({ name }) => name)
    group(`reshaped (${reason})`, names)
  }
  for (const reason of new Set(initialised.map((weight) => weight.reason))) {
    const names = initialised.filter((weight) => weight.reason === reason).map(({ name }) => name)
    group(`initialised (${reason})`, names)
  }
  return lines
}

/** Samples that are named when some were left out; the result has all. */
const MOST_SKIPPED = 20

/** Names the samples that could not be read and were left out. */
export function saySkipped(skipped: readonly SkippedSample[]): void {
  for (const { input, code, message } of skipped.slice(0, MOST_SKIPPED)) say(`skipped ${input}: [${code}] ${message}`)
  if (skipped.length > MOST_SKIPPED) say(`and ${skipped.length - MOST_SKIPPED} more`)
}

/** 0.8734 as "87.3 %". */
export function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`
}

/** 23_851_000_000 as "23.9 G". */
export function quantity(count: number): string {
  const unit = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const
  const [size, letter] = unit.find(([least]) => count >= least) ?? [1, '']
  return `${(count / size).toFixed(size === 1 ? 0 : 1)} ${letter}`.trimEnd()
}

/** Seconds as "3:07" or "1:02:09". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const two = (part: number): string => String(part).padStart(2, '0')
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** One line that is written over on a terminal; elsewhere only the lines that stay are written. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream
  #moving = false

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream
  }

  /** Shows a state that the next one replaces. */
  update(text: string): void {
    if (!this.#stream.isTTY) return
    this.#stream.write(`\r\u001b[2K${stripVTControlCharacters(text).slice(0, (this.#stream.columns ?? 100) - 1)}`)
    this.#moving = true
  }

  /** Writes a line that stays. */
  keep(text: string): void {
    this.clear()
    this.#stream.write(`${text}\n`)
  }

  /** Takes the moving line away. */
  clear(): void {
    if (this.#moving) this.#stream.write('\r\u001b[2K')
    this.#moving = false
  }
}
