//! `timeweave predict INPUT... --checkpoint F`.

import { createInterface } from 'node:readline'
import { Option, type Command } from 'commander'
import type { PredictOptions } from '../config.js'
import { TimeweaveError } from '../errors.js'
import { loadModel, type Model } from '../model.js'
import type { Prediction, PredictionFailure } from '../results.js'
import { INTERRUPTED } from './interrupt.js'
import { expandInput } from './glob.js'
import { emit, percent, print, say } from './terminal.js'
import { DECODERS, ExitCode, damagedOption, defined, namesOption, parseCount, type DAMAGED, verb } from './verb.js'
import { viewOptions, viewsOf, type ViewOptions } from './views.js'

interface PredictCommandOptions extends ViewOptions {
  checkpoint: string
  topK?: number
  decoder?: (typeof DECODERS)[number]
  template?: string
  damaged?: (typeof DAMAGED)[number]
}

/** The verb. */
export function predictCommand(): Command {
  return viewOptions(verb('predict', 'name the action in videos'))
    .argument('<input...>', 'video files, folders of frames, globs, or - for a list of paths on standard input')
    .requiredOption('--checkpoint <file>', 'safetensors file with a model card')
    .option('--top-k <count>', 'classes to show for each input (default: 5)', parseCount)
    .addOption(new Option('--decoder <name>', 'which decoder (default: auto)').choices(DECODERS))
    .option('--template <name>', 'names of the images in frame folders, such as img_{:05d}.jpg (default: found)')
    .addOption(damagedOption())
    .action(run)
}

async function run(inputs: string[], options: PredictCommandOptions): Promise<void> {
  // Each answer is written when it is there, so nothing is lost by stopping at once.
  process.once('SIGINT', () => process.exit(INTERRUPTED))
  using model = await loadModel(options.checkpoint, options.device === undefined ? {} : { device: options.device })
  const { topK, decoder, template, damaged } = options
  const settings: PredictOptions = defined({ topK, decode: defined({ decoder, template, damaged }), ...viewsOf(options) })
  let failures = 0
  for await (const input of listInputs(inputs)) {
    const answer = await predictOne(model, input, settings)
    if ('error' in answer) failures++
    if (options.json) emit('error' in answer ? { input: answer.input, error: failureOf(answer) } : answer)
    else show(answer)
  }
  if (failures > 0) {
    say(`${failures} of the inputs failed`)
    throw new ExitCode(1)
  }
}

async function predictOne(
  model: Model,
  input: string | PredictionFailure,
  settings: PredictOptions,
): Promise<Prediction | PredictionFailure> {
  if (typeof input !== 'string') return input
  const [answer] = await model.predict([input], settings)
  return answer ?? { input, error: new TimeweaveError('INTERNAL', `no answer came back for ${input}`) }
}

/** What is told of an input that failed. */
function failureOf({ error: { code, message } }: PredictionFailure): { code: string; message: string } {
  return namesOption({ code, message })
}

async function* listInputs(inputs: readonly string[]): AsyncGenerator<string | PredictionFailure> {
  for (const input of inputs) {
    if (input === '-') {
      for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        if (line.trim()) yield line.trim()
      }
      continue
    }
    const files = await expandInput(input)
    if (files.length > 0) yield* files
    else
      yield {
        input,
        error: new TimeweaveError('FILE_NOT_FOUND', `expected files for ${input} but received a pattern that nothing matches`),
      }
  }
}

function show(answer: Prediction | PredictionFailure): void {
  if ('error' in answer) {
    const { code, message } = failureOf(answer)
    // Not every failure of a source names it.
    return say(`error[${code}]: ${message.includes(answer.input) ? '' : `${answer.input}: `}${message}`)
  }
  const width = Math.max(...answer.predictions.map(({ label }) => label.length))
  print(`${answer.input}  (decode ${answer.decodeMs.toFixed(0)} ms, inference ${answer.inferMs.toFixed(0)} ms)`)
  for (const { label, score } of answer.predictions) {
    print(`  ${label.padEnd(width)}  ${percent(score).padStart(7)}  ${'█'.repeat(Math.round(score * 30))}`)
  }
}
