//! `timeweave train CONFIG`.

import type { Command } from 'commander'
import { stringify } from 'yaml'
import { readConfig, withPlaces } from '../config-file.js'
import { resolveTrainConfig, train } from '../train.js'
import type { TrainConfig } from '../config.js'
import type { TrainEvent, TrainResult } from '../results.js'
import { interruptible } from './interrupt.js'
import { applyOverrides, overridden, parseOverride, type Fields, type Override } from './overrides.js'
import { ProgressLine, clock, counted, emit, percent, print, reportLines, saySkipped } from './terminal.js'
import { verb, type CommonOptions } from './verb.js'

interface TrainOptions extends CommonOptions {
  set?: Override[]
  resume?: string
  printConfig?: boolean
}

/** The verb. */
export function trainCommand(): Command {
  return verb('train', 'train a network')
    .argument('<config>', 'YAML or JSON file')
    .option('--set <key=value>', 'replace a value of the configuration, such as optimizer.lr=0.1; can be repeated', parseOverride)
    .option('--resume <auto|path>', 'go on with the run in output.dir (auto) or in another folder')
    .option('--print-config', 'print the configuration with every default filled in, and end')
    .action(run)
}

async function run(file: string, options: TrainOptions): Promise<void> {
  const source = readConfig(file)
  const config = applyOverrides(source.value, options.set ?? [])
  if (options.resume !== undefined) config.resume = options.resume
  if (options.device !== undefined) config.device = options.device
  // The native side is the one that checks; until then this is whatever the file holds.
  const typed = config as Fields & TrainConfig
  const resolved = withPlaces(overridden(source, options.set ?? []), () => resolveTrainConfig(typed))
  if (options.printConfig) return options.json ? emit(resolved) : print(stringify(resolved).trimEnd())
  const result = await interruptible(async (signal) => {
    const work = train(typed, { signal })
    const report = new TrainReport()
    try {
      for await (const event of work) {
        if (options.json) emit(event)
        report.show(event)
      }
    } finally {
      report.end()
    }
    return work.result
  })
  if (options.json) emit(result)
  else summarise(result)
}

function summarise({ best, seconds, skipped }: TrainResult): void {
  const figure = best.top1 === null ? `loss ${best.loss.toFixed(3)}` : `top-1 ${percent(best.top1)}`
  print(`best ${figure} in epoch ${best.epoch} after ${clock(seconds)}: ${best.path}`)
  if (skipped.length > 0) print(`left out, because they could not be read: ${counted(skipped.length, 'sample')}`)
  saySkipped(skipped)
}

/** Lines for people while a run goes on. */
class TrainReport {
  readonly #line = new ProgressLine()
  #started = Date.now()
  #stepsBefore = 0
  #epochs = 1

  show(event: TrainEvent): void {
    switch (event.type) {
      case 'start':
        this.#started = Date.now()
        this.#epochs = event.epochs
        this.#stepsBefore = event.resumedEpochs * event.steps
        this.#line.keep(
          `${event.runDir}: ${event.trainSamples} training and ${event.valSamples} validation clips, ${event.epochs} epochs on ${event.device}` +
            (event.resumedEpochs > 0 ? `, going on after epoch ${event.resumedEpochs}` : ''),
        )
        return
      case 'init':
        this.#line.keep(`starting from ${event.weights}: ${reportLines(event.report).join('; ')}`)
        return
      case 'step': {
        const done = (event.epoch - 1) * event.steps + event.step
        const rate = (done - this.#stepsBefore) / ((Date.now() - this.#started) / 1000)
        const left = (this.#epochs * event.steps - done) / rate
        this.#line.update(
          `epoch ${event.epoch}/${this.#epochs}  step ${event.step}/${event.steps}  loss ${event.loss.toFixed(3)}  ` +
            `top-1 ${percent(event.top1)}  lr ${event.lr.toPrecision(3)}  ${rate.toFixed(2)} steps/s  ${clock(left)} left`,
        )
        return
      }
      case 'epoch': {
        const { train: seen, val } = event
        const validation = val ? `  val loss ${val.loss.toFixed(3)} top-1 ${percent(val.top1)} top-5 ${percent(val.top5)}` : ''
        this.#line.keep(
          `epoch ${event.epoch}/${event.epochs}  loss ${seen.loss.toFixed(3)} top-1 ${percent(seen.top1)}${validation}  (${event.seconds.toFixed(1)} s)`,
        )
        return
      }
      case 'checkpoint':
        if (event.best) this.#line.update(`best so far: ${event.path}`)
        return
      default:
        event satisfies never
    }
  }

  end(): void {
    this.#line.clear()
  }
}
