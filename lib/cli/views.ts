//! Options for the views of a video that `test` and `predict` look at.

import { InvalidArgumentError, Option, type Command } from 'commander'
import { isFields, type Fields } from './overrides.js'
import { defined, parseCount, type CommonOptions } from './verb.js'

/** The ways of sampling that can be named without settings of their own. */
const SAMPLINGS = ['uniform', 'dense', 'twice'] as const

/** The numbers of crops that there are. */
const CROPS = ['1', '3', '5', '10'] as const

/** What the options give. */
export interface ViewOptions extends CommonOptions {
  clips?: number
  crops?: string
  scales?: number[]
  sampling?: (typeof SAMPLINGS)[number]
}

/** Adds the options to a verb. */
export function viewOptions(command: Command): Command {
  return command
    .option('--clips <count>', 'clips of a video, whose scores are joined (default: 1; 2 with twice)', parseCount)
    .addOption(new Option('--crops <count>', 'crops of a frame: the middle, three, five, or five and their mirror images').choices(CROPS))
    .option('--scales <pixels,...>', "short sides of the frames, such as 224,256 (default: the checkpoint's)", parseSides)
    .addOption(new Option('--sampling <way>', "how frames are chosen (default: as the checkpoint's card says)").choices(SAMPLINGS))
}

/** `views` and `sampling` of a configuration with the options in them; `trained` is how a training's configuration samples. */
export function viewsOf(options: ViewOptions, config: Fields = {}, trained?: unknown): Fields {
  const { clips, crops, scales, sampling } = options
  const views = defined({ clips, crops: crops === undefined ? undefined : Number(crops), scales })
  const own = isFields(config.views) ? config.views : {}
  const fields: Fields = Object.keys(views).length > 0 ? { views: { ...own, ...views } } : {}
  if (sampling === undefined) return fields
  const known = isFields(config.sampling) ? config.sampling : isFields(trained) ? trained : {}
  // The same way keeps its settings; another one keeps whose rules hold.
  if (known.type === sampling) return { ...fields, sampling: known }
  return { ...fields, sampling: sampling === 'twice' ? { type: sampling } : defined({ type: sampling, manner: known.manner }) }
}

/** Takes `224,256`. */
function parseSides(text: string): number[] {
  const sides = text.split(',').map(Number)
  if (sides.every((side) => Number.isInteger(side) && side > 0)) return sides
  throw new InvalidArgumentError('expected numbers of pixels with commas between them, such as 224,256.')
}
