//! What a demonstration tells while it goes, and what it leaves.

/** Progress of the demonstration. */
export type DemoEvent =
  | { readonly type: 'step'; readonly step: number; readonly steps: number; readonly title: string }
  /** Clips written or evaluated so far. */
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  /** A part of an epoch. */
  | {
      readonly type: 'batch'
      readonly arch: string
      readonly epoch: number
      readonly epochs: number
      readonly step: number
      readonly steps: number
      readonly loss: number
    }
  /** An epoch is over; accuracies in 0..1. */
  | {
      readonly type: 'epoch'
      readonly arch: string
      readonly epoch: number
      readonly epochs: number
      readonly trainLoss: number
      readonly trainTop1: number
      readonly valTop1: number | null
      readonly seconds: number
    }
  /** A network is trained and tested. */
  | { readonly type: 'tested'; readonly arch: string; readonly top1: number; readonly epochs: number; readonly seconds: number }

/** What the demonstration found, as `demo --json` prints it. */
export interface DemoSummary {
  readonly models: readonly { readonly arch: string; readonly top1: number; readonly epochs: number; readonly seconds: number }[]
  /** Share that guessing gets right. */
  readonly chance: number
  readonly prediction: { readonly input: string; readonly expected: string; readonly predicted: string }
  /** Path of the HTML report. */
  readonly report: string
}
