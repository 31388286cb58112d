//! The demonstration's clips: written as real video files, and read back as pictures.

import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { TimeweaveError } from '../errors.js'
import { awaitNative, callNative } from '../native.js'
import type { ClipPicture } from '../report/data.js'
import { startRun } from '../run.js'
import type { DemoData } from './settings.js'

/** A list of clips on disk and where its paths start from. */
export interface ClipList {
  readonly list: string
  readonly root: string
}

/** The demonstration's clips. */
export interface DemoClips {
  /** To train on. */
  readonly train: ClipList
  /** To stop by. */
  readonly val: ClipList
  /** For the figures that are reported. */
  readonly test: ClipList
  readonly classesFile: string
  /** Class names in the order of their numbers. */
  readonly classes: readonly string[]
}

/** What the textures are and how numbers are drawn. */
export interface ClipSource {
  readonly seed: number
  /** Folder of videos whose pictures are the backgrounds; drawn ones when left out. */
  readonly videos: string | undefined
}

/** What the caller wants to hear and how it stops the work. */
export interface Watch {
  readonly signal?: AbortSignal | undefined
  readonly onProgress: (done: number, total: number) => void
}

interface MotionProgress {
  readonly type: 'progress'
  readonly done: number
  readonly total: number
}

interface MotionFiles {
  readonly trainList: string
  readonly valList: string
  readonly classesFile: string
  readonly root: string
}

function motionConfig({ frames, size }: DemoData, { seed, videos }: ClipSource): object {
  return { frames, size, seed, ...(videos === undefined ? {} : { backgrounds: videos }) }
}

async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
}

/** Writes all clips below a folder. Those to test on are the second part of those that training does not see. */
export async function writeClips(dir: string, data: DemoData, source: ClipSource, { signal, onProgress }: Watch): Promise<DemoClips> {
  const config = { dir, ...motionConfig(data, source), trainClips: data.trainClips, valClips: data.valClips + data.testClips }
  const run = startRun<MotionProgress, MotionFiles>(
    (onEvent) => callNative((binding) => binding.generateMotion(JSON.stringify(config), onEvent)),
    signal === undefined ? {} : { signal },
  )
  for await (const { done, total } of run) onProgress(done, total)
  const { trainList, valList, classesFile, root } = await run.result
  const unseen = await linesOf(valList)
  const [val, test] = [join(dir, 'val.txt'), join(dir, 'test.txt')]
  await writeFile(test, `${unseen.slice(data.valClips).join('\n')}\n`)
  await writeFile(val, `${unseen.slice(0, data.valClips).join('\n')}\n`)
  return {
    train: { list: trainList, root },
    val: { list: val, root },
    test: { list: test, root },
    classesFile,
    classes: await linesOf(classesFile),
  }
}

/** Paths and labels of a list whose lines are `path frames label`, the path without spaces. */
export async function readRecords({ list, root }: ClipList): Promise<{ path: string; label: number }[]> {
  return (await linesOf(list)).map((line, at) => {
    const [path, , label] = line.split(' ')
    if (path === undefined || label === undefined || !/^\d+$/.test(label)) {
      throw new TimeweaveError('INTERNAL', `expected a path, a number of frames and a label in ${list}:${at + 1} but received ${line}`)
    }
    return { path: join(root, path), label: Number(label) }
  })
}

/** Draws one more clip, of a class that the seed decides, and writes it as a video file. */
export async function drawClip(
  path: string,
  data: DemoData,
  source: ClipSource,
  classes: readonly string[],
): Promise<{ path: string; label: string }> {
  const label = source.seed % classes.length
  const config = { path, label, ...motionConfig(data, source) }
  await awaitNative((binding) => binding.drawMotion(JSON.stringify(config)))
  return { path, label: classes[label] ?? String(label) }
}

/** A video file decoded into pictures. */
export async function readPicture(path: string, label: string): Promise<ClipPicture> {
  const frames = await awaitNative((binding) => binding.readFrames(path))
  return { label, file: basename(path), frames }
}
