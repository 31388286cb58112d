//! `timeweave test CONFIG --checkpoint F`.

import type { Command } from 'commander'
import { readConfig, withPlaces } from '../config-file.js'
import type { EvalConfig } from '../config.js'
import { TimeweaveError } from '../errors.js'
import { evaluate, resolveEvalConfig } from '../evaluate.js'
import type { EvalResult } from '../results.js'
import { interruptible } from './interrupt.js'
import { applyOverrides, isFields, parseOverride, type Fields, type Override } from './overrides.js'
import { ProgressLine, emit, percent, print, say, table } from './terminal.js'
import { verb, type CommonOptions } from './verb.js'

interface TestOptions extends CommonOptions {
  checkpoint: string
  set?: Override[]
}

/** The verb. */
export function testCommand(): Command {
  return verb('test', 'evaluate a checkpoint on the list of a configuration')
    .argument('<config>', "YAML or JSON file: of an evaluation, or of a training, whose data.val is then taken; a run's config.yaml is one")
    .requiredOption('--checkpoint <file>', 'safetensors file with a model card')
    .option('--set <key=value>', 'replace a value of the configuration; can be repeated', parseOverride)
    .action(run)
}

async function run(file: string, options: TestOptions): Promise<void> {
  const source = readConfig(file)
  const config = evaluationOf(applyOverrides(source.value, options.set ?? []), file)
  config.checkpoint = options.checkpoint
  if (options.device !== undefined) config.device = options.device
  const typed = config as Fields & EvalConfig
  withPlaces(source, () => resolveEvalConfig(typed))
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
  const values: Fields = { data: defined({ ...data.val, decode, workers, prefetch, onError }), batchSize, device: config.device }
  return defined(values)
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
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
    `top-1 ${percent(top1)}  top-5 ${percent(top5)}  mean class ${percent(meanClassAccuracy)}  loss ${loss.toFixed(4)}  (${samples} clips)`,
  )
  if (mapSample !== null && mapClass !== null) print(`mAP by sample ${percent(mapSample)}  by class ${percent(mapClass)}`)
  for (const { input, code, message } of skipped) say(`skipped ${input}: [${code}] ${message}`)
}
