//! What the demonstration was to show, and whether it did.

import { percent } from '../report/numbers.js'

/** A network's accuracy, as far as the verdict needs it. */
export interface Score {
  readonly name: string
  /** Whether anything in the network looks at more than one frame. */
  readonly temporal: boolean
  /** Share of right answers on unseen clips, 0..1. */
  readonly top1: number
}

/** Accuracies that the demonstration promises. */
export interface Expectation {
  /** At least this for every network that looks at time. */
  readonly temporalAtLeast: number
  /** At most this for a network that looks at single frames. */
  readonly framewiseAtMost: number
}

/** Whether the promise was kept, in a sentence that says what fell short. */
export interface Verdict {
  readonly kept: boolean
  readonly sentence: string
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** Compares accuracies with what was promised. */
export function judge(scores: readonly Score[], promise: Expectation): Verdict {
  const misses = scores.flatMap(({ name, temporal, top1 }) => {
    if (temporal && !(top1 >= promise.temporalAtLeast)) {
      return [`${name} reached ${percent(top1)} where at least ${percent(promise.temporalAtLeast, 0)} was expected`]
    }
    if (!temporal && !(top1 <= promise.framewiseAtMost)) {
      return [
        `${name} reached ${percent(top1)} where a network of single frames was expected to stay below ${percent(promise.framewiseAtMost, 0)}`,
      ]
    }
    return []
  })
  if (misses.length > 0) return { kept: false, sentence: `Not as expected: ${list(misses)}.` }
  const names = (temporal: boolean): string => list(scores.filter((score) => score.temporal === temporal).map(({ name }) => name))
  return {
    kept: true,
    sentence: `As expected: ${names(false)} sees single frames and can only guess, ${names(true)} read the order of the frames.`,
  }
}

/** The result in one sentence. */
export function headline(scores: readonly Score[]): string {
  const range = (temporal: boolean): string => {
    const shares = scores.filter((score) => score.temporal === temporal).map(({ top1 }) => top1)
    const [low, high] = [percent(Math.min(...shares), 0), percent(Math.max(...shares), 0)]
    return low === high ? low : `${low.replace(/\u00a0%$/, '')} to ${high}`
  }
  return `Frame by frame: ${range(false)} right. With time: ${range(true)}.`
}
