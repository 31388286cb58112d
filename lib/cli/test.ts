//! `timeweave test CONFIG --checkpoint F`.

import type { Command } from 'commander'
import { readConfig, withPlaces } from '../config-file.js'
import type { EvalConfig } from '../config.js'
import { TimeweaveError } from '../errors.js'
import { evaluate, resolveEvalConfig } from '../evaluate.js'
import type { EvalResult } from '../results.js'
import { interruptible } from './interrupt.js'
import { applyOverrides, isFields, overridden, parseOverride, type Fields, type Override } from './overrides.js'
import { ProgressLine, counted, emit, percent, print, saySkipped, table } from './terminal.js'
import { defined, verb } from './verb.js'
import { viewOptions, viewsOf, type ViewOptions } from './views.js'

interface TestOptions extends ViewOptions {
  checkpoint: string
  set?: Override[]
}

/** The verb. */
export function testCommand(): Command {
  return viewOptions(verb('test', 'evaluate a checkpoint on the list of a configuration'))
    .argument('<config>', "YAML or JSON file: of an evaluation, or of a training, whose data.val is then taken; a run's config.yaml is one")
    .requiredOption('--checkpoint <file>', 'safetensors file with a model card')
    .option('--set <key=value>', 'replace a value of the configuration, such as viewMean=scores; can be repeated', parseOverride)
    .action(run)
}

async function run(file: string, options: TestOptions): Promise<void> {
  const source = readConfig(file)
  const given = applyOverrides(source.value, options.set ?? [])
  const config = evaluationOf(given, file)
  Object.assign(config, viewsOf(options, config, trainedSampling(given)))
  config.checkpoint = options.checkpoint
  if (options.device !== undefined) config.device = options.device
  const typed = config as Fields & EvalConfig
  withPlaces(overridden(source, options.set ?? []), () => resolveEvalConfig(typed))
  const result = await interruptible(async (signal) => {
    const work = evaluate(typed, { signal })
    const line = new ProgressLine()
    for await (const event of work) {
      if (event.type === 'step') line.update(`batch ${event.step}/${event.steps}  ${event.samples} clips  top-1 ${percent(event.top1)}`)
    }
    line.clear()
    return work.result
  })
  if (options.json) emit(result)
  else summarise(result)
}

/** The evaluation that a configuration of either kind describes. */
function evaluationOf(config: Fields, file: string): Fields {
  const { data } = config
  if (!isFields(data) || 'list' in data) return config
  if (!isFields(data.val)) {
    throw new TimeweaveError(
      'CONFIG_INVALID',
      `${file}: expected data.list (of an evaluation) or data.val (of a training) but received neither`,
    )
  }
  const { decode, workers, prefetch, onError } = data
  const batchSize = isFields(config.train) ? config.train.batchSize : undefined
  const own = Object.fromEntries(Object.entries(config).filter(([key]) => !TRAINING.has(key)))
  return defined({ batchSize, ...own, data: defined({ ...data.val, decode, workers, prefetch, onError }) })
}

/** What a training's configuration has and an evaluation's has not; whatever else stands beside it is the evaluation's. */
const TRAINING = new Set(['model', 'init', 'data', 'optimizer', 'schedule', 'train', 'output', 'resume'])

/** How a training's configuration samples; nothing in one of an evaluation. */
function trainedSampling({ data }: Fields): unknown {
  return isFields(data) && isFields(data.preprocess) ? data.preprocess.sampling : undefined
}

function summarise(result: EvalResult): void {
  const { top1, top5, meanClassAccuracy, mapSample, mapClass, loss, samples, skipped, perClass } = result
  const rows = perClass.map(({ label, correct, samples: count, accuracy }) => [
    label,
    String(count),
    String(correct),
    accuracy === null ? '' : percent(accuracy),
  ])
  print(table(['class', 'clips', 'right', 'accuracy'], rows))
  print(
    `top-1 ${percent(top1)}  top-5 ${percent(top5)}  mean class ${percent(meanClassAccuracy)}  loss ${loss.toFixed(4)}  (${counted(samples, 'clip')})`,
  )
  if (mapSample !== null && mapClass !== null) print(`mAP by sample ${percent(mapSample)}  by class ${percent(mapClass)}`)
  saySkipped(skipped)
}
