//! `timeweave convert IN OUT`.

import { Option, type Command } from 'commander'
import { WEIGHT_SOURCES, type WeightSource } from '../config.js'
import { convert, type ConvertOptions, type ConvertReport } from '../convert.js'
import { applyOverrides, parseOverride, type Override } from './overrides.js'
import { counted, emit, print, reportLines, say } from './terminal.js'
import { defined, verb, type CommonOptions } from './verb.js'

interface ConvertCommandOptions extends CommonOptions {
  arch?: string
  set?: Override[]
  from?: WeightSource
  names?: WeightSource
  to?: 'safetensors' | 'pytorch'
}

/** The verb. */
export function convertCommand(): Command {
  return verb('convert', 'turn checkpoints of other projects into safetensors, and ours into theirs')
    .argument('<in>', 'PyTorch checkpoint (.pth, .pt, .pyth, .pth.tar) or safetensors; nothing in it is executed')
    .argument('<out>', 'file to write; its ending decides the form')
    .option('--arch <id>', 'the network, such as tsm or tsm-50: gives its own names and a model card (default: names are kept)')
    .option('--set <key=value>', 'a field of the network, such as numFrames=16; can be repeated', parseOverride)
    .addOption(new Option('--from <project>', 'whose names the file has (default: found in the names)').choices(WEIGHT_SOURCES))
    .addOption(new Option('--names <project>', "write that project's names").choices(WEIGHT_SOURCES))
    .addOption(new Option('--to <form>', 'form of the new file (default: by its ending)').choices(['safetensors', 'pytorch']))
    .action(run)
}

async function run(input: string, output: string, options: ConvertCommandOptions): Promise<void> {
  const { arch, set, from, names, to } = options
  const settings: ConvertOptions = defined({ arch, from, names, to, spec: set && applyOverrides({}, set) })
  const report = await convert(input, output, settings)
  if (options.json) emit(report)
  else summarise(report)
}

function summarise(report: ConvertReport): void {
  const { readAs, spec, leftOut } = report
  const container = readAs.container === null ? '' : `, out of '${readAs.container}'`
  const module = readAs.moduleRemoved ? ', without module.' : ''
  print(
    `${report.input}: ${readAs.format}${container}${module}${spec === null ? '' : `, ${spec.arch} with ${counted(spec.numClasses, 'class', 'classes')}`}`,
  )
  for (const line of reportLines(report)) print(`  ${line}`)
  const counters = report.tensors + leftOut.length - report.loaded.length
  const among = counters > 0 ? ` (${counters} of them counters of batch norms)` : ''
  print(
    `${report.output}: ${counted(report.tensors, 'tensor')}${among}, ${report.to}${report.names === null ? '' : `, names of ${report.names}`}`,
  )
  if (leftOut.length > 0) say(`left out, because ${report.names} has no such weights: ${leftOut.join(', ')}`)
}
