//! `timeweave prepare lists|frames|check`.

import { Command, InvalidArgumentError, Option } from 'commander'
import { DATASETS, type DatasetId } from '../config.js'
import { TimeweaveError } from '../errors.js'
import {
  prepare,
  type CheckResult,
  type FailedFile,
  type ListReading,
  type ListSeparator,
  type ListSource,
  type PrepareCheck,
  type PrepareConfig,
  type PrepareFrames,
  type PrepareLists,
} from '../prepare.js'
import { interruptible } from './interrupt.js'
import { ProgressLine, counted, emit, print, say, table } from './terminal.js'
import { ExitCode, UsageError, damagedOption, defined, namesOption, parseCount, verb, type CommonOptions, type DAMAGED } from './verb.js'

const FORMATS = `
Dialects of lists: path, path-label, path-labels, path-frames-label, path-frames-labels, path-offset-frames-label,
path-start-end, path-start-end-label, path-start-end-labels, id-name, something-json, moments-csv, kinetics-csv,
ucf101-split, hmdb51-split, frame-list; or by project: ibm, tsm, tin, x-temporal, mmaction2-video, mmaction2-rawframes,
mmaction2-rawframes-multi, mmaction2-rawframes-offset, pyslowfast, mmit-csv, something-v1-csv, jester-csv, something-v2-json.`

const SEPARATORS = ['space', 'semicolon', 'comma'] as const satisfies readonly ListSeparator[]

/** Failures that are shown; the JSON has all. */
const MOST_SHOWN = 20

interface ReadingOptions extends CommonOptions {
  root?: string
  format?: string
  inputSeparator?: ListSeparator
  classes?: string
  part?: 'train' | 'test'
  workers?: number
}

/** The verb. */
export function prepareCommand(): Command {
  return new Command('prepare')
    .description('make, convert and check lists; extract frames')
    .showHelpAfterError('(add --help for what can be prepared)')
    .showSuggestionAfterError()
    .addHelpText('after', '\nEach has --json, --device and --help of its own.')
    .addCommand(listsCommand())
    .addCommand(framesCommand())
    .addCommand(checkCommand())
}

/** Options for reading lists. */
function reading(command: Command): Command {
  return command
    .option('--root <dir>', "the folder that the list's paths start from (default: the list's own)")
    .option('--format <dialect>', 'the dialect of the list (default: found from its lines)')
    .addOption(new Option('--input-separator <name>', 'what separates columns (default: found from the lines)').choices(SEPARATORS))
    .option('--classes <file>', 'class names, for lists that name their classes')
    .addOption(new Option('--part <name>', 'which part of a list of HMDB51').choices(['train', 'test']))
    .option('--workers <count>', 'videos at once (default: one per processor)', parseCount)
    .addHelpText('after', FORMATS)
}

function readingOf(options: ReadingOptions): ListReading {
  return defined({
    root: options.root,
    format: options.format,
    separator: options.inputSeparator,
    classes: options.classes,
    part: options.part,
  })
}

interface ListsOptions extends ReadingOptions {
  folder?: string
  dataset?: DatasetId
  list?: string
  annotations?: string
  videos?: string
  out: string
  to?: string
  separator?: ListSeparator
  count?: boolean
  lossy?: boolean
  val?: number
  seed?: number
}

function listsCommand(): Command {
  return reading(verb('lists', "make lists from folders or publishers' files, and convert them"))
    .option('--folder <dir>', 'a folder with a folder per class, or with such folders for train, val and test')
    .addOption(new Option('--dataset <id>', "publishers' files").choices(DATASETS))
    .option('--list <file>', 'a list to convert')
    .option('--annotations <dir>', "with --dataset: where the publisher's files are")
    .option('--videos <dir>', 'with --dataset: where the videos or frames are (default: the annotations)')
    .option('--val <part>', "with --folder: the part of every class's videos for validation, such as 0.2", parseNumber)
    .option('--seed <n>', 'with --val: decides which', parseNumber)
    .requiredOption('--out <path>', 'the folder for the lists; with --list the file')
    .option(
      '--to <dialect>',
      'the dialect to write, any but hmdb51-split and frame-list (default: path-label; with --count path-frames-label)',
    )
    .addOption(new Option('--separator <name>', 'what separates columns').choices(SEPARATORS))
    .option('--count', 'open every video and write how many frames it has')
    .option('--lossy', 'leave out what the dialect cannot hold instead of refusing')
    .action(makeLists)
}

async function makeLists(options: ListsOptions): Promise<void> {
  const config: PrepareLists = {
    task: 'lists',
    source: sourceOf(options),
    ...defined({
      out: options.out,
      to: options.to,
      separator: options.separator,
      count: options.count,
      lossy: options.lossy,
      workers: options.workers,
    }),
  }
  const result = await work(config, options)
  if (!options.json) {
    const rows = result.lists.map(({ file, records, from, format, missing }) => [
      file,
      String(records),
      from === 'auto' ? 'folders' : from,
      format,
      String(missing),
    ])
    print(table(['list', 'records', 'from', 'dialect', 'not there'], rows))
    if (result.classes !== null && result.numClasses !== null) print(`${result.classes}: ${counted(result.numClasses, 'class', 'classes')}`)
    if (result.mirrorPairs.length > 0) {
      const pairs = result.mirrorPairs.map(([one, other]) => `${one}/${other}`).join(', ')
      print(`classes that a horizontal flip exchanges: ${pairs}`)
    }
    if (result.unpaired.length > 0) print(`classes with a direction but without a mirror image: ${result.unpaired.join(', ')}`)
  }
  endWith(result.failed)
}

function sourceOf(options: ListsOptions): ListSource {
  const { folder, dataset, list } = options
  const sources = [folder, dataset, list].filter((source) => source !== undefined)
  if (sources.length !== 1) throw new UsageError('expected one of --folder, --dataset and --list')
  if (folder !== undefined) return { type: 'folder', folder, ...defined({ val: options.val, seed: options.seed }) }
  if (options.val !== undefined) throw new UsageError('expected --folder with --val')
  if (list !== undefined) return { type: 'list', list, options: readingOf(options) }
  if (options.annotations === undefined) throw new UsageError('expected --annotations with --dataset')
  if (dataset === undefined) throw new UsageError('expected one of --folder, --dataset and --list')
  return { type: 'dataset', dataset, annotations: options.annotations, ...defined({ videos: options.videos }) }
}

interface FramesOptions extends ReadingOptions {
  out: string
  shortSide?: number | 'keep'
  quality?: number
  template?: string
  first?: number
  shard?: string
  overwrite?: boolean
  damaged?: (typeof DAMAGED)[number]
  listOut?: string
}

function framesCommand(): Command {
  return reading(verb('frames', 'extract the frames of videos; goes on where an earlier run was stopped'))
    .argument('<input>', 'a list, or a folder with videos')
    .requiredOption('--out <dir>', 'the folder for the frames')
    .option('--short-side <pixels|keep>', 'the shorter side of the frames (default: 256)', parseSide)
    .option('--quality <n>', 'of JPEG, 1 to 100 (default: 90)', parseNumber)
    .option('--template <name>', 'names of the images, .jpg or .png (default: img_{:05d}.jpg)')
    .option('--first <n>', 'the number of the first image (default: 1)', parseNumber)
    .option('--shard <k/n>', 'of every n videos the k-th, from 1')
    .option('--overwrite', 'replace folders that were extracted from other files or with other settings')
    .addOption(damagedOption())
    .option('--list-out <file>', 'write the list of the folders, with the number of frames of each')
    .action(extractFrames)
}

async function extractFrames(input: string, options: FramesOptions): Promise<void> {
  const { out, shortSide, quality, template, first, shard, workers, overwrite, damaged, listOut } = options
  const config: PrepareFrames = {
    task: 'frames',
    input,
    list: readingOf(options),
    ...defined({
      out,
      shortSide: shortSide === 'keep' ? null : shortSide,
      quality,
      template,
      first,
      shard,
      workers,
      overwrite,
      damaged,
      listOut,
    }),
  }
  const result = await work(config, options)
  if (!options.json) {
    const frames = `${counted(result.frames, 'frame')} of ${counted(result.videos, 'video')}`
    print(`${frames}: ${result.extracted} extracted, ${result.kept} were there`)
    if (result.list !== null) print(`${result.list}: their list`)
  }
  endWith(result.failed)
}

interface CheckOptions extends ReadingOptions {
  numClasses?: number
  template?: string
  decode?: boolean
  out?: string
}

function checkCommand(): Command {
  return reading(verb('check', 'check lists against the files that they name'))
    .argument('<list...>', 'the lists of a data set, the one to train on first')
    .option('--num-classes <n>', 'labels must be smaller (default: the number of names in --classes)', parseCount)
    .option('--template <name>', 'names of the images in frame folders, for flow such as flow_{x|y}_{:05d}.jpg (default: found)')
    .option('--decode', 'decode every frame instead of the first and the last')
    .option('--out <dir>', 'folder for clean lists and problems.csv')
    .action(checkLists)
}

async function checkLists(lists: string[], options: CheckOptions): Promise<void> {
  const { template, decode, out, workers } = options
  const config: PrepareCheck = {
    task: 'check',
    lists,
    list: { ...readingOf(options), ...defined({ numClasses: options.numClasses }) },
    ...defined({ template, decode, out, workers }),
  }
  const result = await work(config, options)
  if (!options.json) summarise(result)
  if (result.ok) return
  const found = Object.entries(result.found).map(([problem, count]) => `${problem} ${count}`)
  const where = result.table === null ? '--out DIR writes clean lists and a table' : `${result.table} names them all`
  throw new TimeweaveError('CHECK_FAILED', `the lists have problems (${found.join(', ')}); ${where}`)
}

function summarise(result: CheckResult): void {
  for (const { list, line, action, problem, detail } of result.problems.slice(0, MOST_SHOWN)) {
    say(`${list}${line > 0 ? `:${line}` : ''}: ${action}: ${problem}: ${detail}`)
  }
  if (result.problems.length > MOST_SHOWN) say(`and ${result.problems.length - MOST_SHOWN} more`)
  const rows = result.lists.map(({ file, format, separator, records, kept, fixed, clean }) => [
    file,
    `${format}, ${separator}`,
    String(records),
    String(kept),
    String(fixed),
    clean ?? '-',
  ])
  print(table(['list', 'dialect', 'records', 'kept', 'corrected', 'clean list'], rows))
}

/** Does the work, and shows how far it is. */
async function work<C extends PrepareConfig>(config: C, { json }: CommonOptions) {
  const result = await interruptible(async (signal) => {
    const run = prepare(config, { signal })
    const line = new ProgressLine()
    try {
      for await (const step of run) {
        if (json) emit(step.error === undefined ? step : { ...step, error: namesOption(step.error) })
        line.update(`${step.done}/${step.total}  ${step.input}`)
      }
    } finally {
      line.clear()
    }
    return run.result
  })
  if (json) emit('failed' in result ? { ...result, failed: result.failed.map(namesOption) } : result)
  return result
}

/** Names the files that failed; with any the exit code is 1. */
function endWith(failed: readonly FailedFile[]): void {
  for (const { code, message } of failed.slice(0, MOST_SHOWN).map(namesOption)) say(`error[${code}]: ${message}`)
  if (failed.length > MOST_SHOWN) say(`and ${failed.length - MOST_SHOWN} more`)
  if (failed.length > 0) throw new ExitCode(1)
}

function parseNumber(text: string): number {
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number) || number < 0) throw new InvalidArgumentError('expected a number of at least 0.')
  return number
}

/** Null would stand for `keep`, but commander turns a null of a parser into an empty text. */
function parseSide(text: string): number | 'keep' {
  return text === 'keep' ? text : parseCount(text)
}
