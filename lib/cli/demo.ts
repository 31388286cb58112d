//! `timeweave demo`.

import { relative } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { DEFAULT_FOLDER, DEFAULT_SEED, runDemo, type DemoResult } from '../demo/demo.js'
import type { DemoEvent } from '../demo/events.js'
import type { Verdict } from '../demo/verdict.js'
import { TimeweaveError } from '../errors.js'
import { interruptible } from './interrupt.js'
import { ProgressLine, clock, emit, percent, print, table } from './terminal.js'
import { verb, type CommonOptions } from './verb.js'

interface DemoCommandOptions extends CommonOptions {
  quick?: boolean
  videos?: string
  out: string
  seed: number
}

/** The verb. */
export function demoCommand(): Command {
  return verb('demo', 'train small networks on clips that it draws, and report what they learned about time')
    .option('--quick', 'TSN, TSM and TIN only, with less training')
    .option('--videos <dir>', 'draw the clips on pictures out of your own videos')
    .option('--out <dir>', 'folder for clips, runs and report', DEFAULT_FOLDER)
    .option('--seed <n>', 'decides clips, weights and order', parseSeed, DEFAULT_SEED)
    .action(run)
}

function parseSeed(text: string): number {
  const seed = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed)) throw new InvalidArgumentError('expected a whole number of at least 0.')
  return seed
}

async function run({ json, ...options }: DemoCommandOptions): Promise<void> {
  const report = new DemoReport()
  const onEvent = (event: DemoEvent): void => {
    if (json) emit(event)
    report.show(event)
  }
  let result: DemoResult
  try {
    result = await interruptible((signal) => runDemo(options, { signal, onEvent }))
  } finally {
    report.end()
  }
  if (json) emit(result.summary)
  else summarise(result)
  requireKept(result.verdict)
}

/** Ends a demonstration that did not show what it is to show as a failure. */
export function requireKept({ kept, sentence }: Verdict): void {
  if (!kept) throw new TimeweaveError('EXPECTATION_MISSED', sentence)
}

function summarise({ summary, verdict, names }: DemoResult): void {
  const { models, chance, prediction, report } = summary
  const rows = models.map(({ top1, epochs, seconds }, at) => [names[at] ?? '', percent(top1), String(epochs), clock(seconds)])
  print('')
  print(table(['network', 'top-1', 'epochs', 'training'], rows))
  print(`Chance is ${percent(chance)}. Top-1 is the share of clips named correctly out of those that no network saw before its test.`)
  print('')
  print(`${relative('', prediction.input)}: a new clip that goes ${prediction.expected}, named ${prediction.predicted}`)
  print(`${relative('', report)}: the report, for any browser`)
  if (verdict.kept) print(verdict.sentence)
}

/** Lines for people while the demonstration goes on. */
class DemoReport {
  readonly #line = new ProgressLine()

  show(event: DemoEvent): void {
    switch (event.type) {
      case 'step':
        return this.#line.keep(`[${event.step}/${event.steps}] ${event.title}`)
      case 'progress':
        return this.#line.update(`      ${event.done}/${event.total} clips`)
      case 'batch':
        return this.#line.update(
          `      epoch ${event.epoch}/${event.epochs}  step ${event.step}/${event.steps}  loss ${event.loss.toFixed(3)}`,
        )
      case 'epoch': {
        const validation = event.valTop1 === null ? '' : `  unseen clips ${percent(event.valTop1)}`
        return this.#line.keep(
          `      epoch ${event.epoch}/${event.epochs}  loss ${event.trainLoss.toFixed(3)}  training clips ${percent(event.trainTop1)}${validation}  (${event.seconds.toFixed(1)} s)`,
        )
      }
      case 'tested':
        return this.#line.keep(`      test: ${percent(event.top1)} right`)
      default:
        event satisfies never
    }
  }

  end(): void {
    this.#line.clear()
  }
}
