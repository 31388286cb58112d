//! `timeweave bench decode`.

import { Command, Option } from 'commander'
import { benchDecode, type DecodeBench } from '../bench.js'
import { TimeweaveError } from '../errors.js'
import { expandInput } from './glob.js'
import { interruptible } from './interrupt.js'
import { ProgressLine, emit, print, table } from './terminal.js'
import { DECODERS, defined, parseCount, verb, type CommonOptions } from './verb.js'

/** The verb. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('measure this machine: decoding')
    .showHelpAfterError('(add --help for what can be measured)')
    .showSuggestionAfterError()
    .addHelpText('after', '\nEach has --json and --help of its own.')
    .addCommand(decodeCommand())
}

interface DecodeCommandOptions extends CommonOptions {
  frames?: number
  size?: number
  threads?: number
  decoder?: NonNullable<DecodeBench['decoder']>
}

function decodeCommand(): Command {
  return verb('decode', 'how fast exact frames come out of videos, resized to RGB')
    .argument('<file...>', 'video files, folders of frames, or globs; a clip is taken of each')
    .option('--frames <count>', 'frames of a clip, at equal distances (default: 8)', parseCount)
    .option('--size <pixels>', 'short side of the resized frames (default: 256)', parseCount)
    .option('--threads <count>', 'threads at once: on several files, or within a file where there are fewer files (default: 1)', parseCount)
    .addOption(new Option('--decoder <name>', 'which decoder (default: auto)').choices(DECODERS))
    .addHelpText('after', '\nA pass over the files warms the caches; passes of two seconds then count. Indices of files are not kept.')
    .action(decode)
}

async function decode(patterns: string[], { frames, size, threads, decoder, json }: DecodeCommandOptions): Promise<void> {
  const files = (await Promise.all(patterns.map(filesOf))).flat()
  const result = await interruptible(async (signal) => {
    const run = benchDecode({ files, ...defined({ frames, size, threads, decoder }) }, { signal })
    const line = new ProgressLine()
    try {
      for await (const { done, total, input } of run) line.update(`${done}/${total}  ${input}`)
    } finally {
      line.clear()
    }
    return run.result
  })
  const { clipsPerSecond, framesPerSecond } = result
  if (json) return emit({ clipsPerSecond, framesPerSecond, decoder: result.decoder })
  const rows = result.files.map((file) => [
    file.input,
    file.decoder,
    `${file.width}x${file.height}`,
    String(file.frames),
    `${file.clipMs.toFixed(1)} ms`,
  ])
  print(table(['file', 'decoder', 'pixels', 'frames', 'clip'], rows))
  print(`${clipsPerSecond.toFixed(1)} clips/s  ${framesPerSecond.toFixed(1)} frames/s  (${result.decoder}, ${result.passes} passes)`)
}

async function filesOf(pattern: string): Promise<string[]> {
  const files = await expandInput(pattern)
  if (files.length > 0) return files
  throw new TimeweaveError('FILE_NOT_FOUND', `expected files for ${pattern} but received a pattern that nothing matches`)
}
