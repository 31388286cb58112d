//! The folder that a demonstration works in: knows what it made there and never removes anything else.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { TimeweaveError } from '../errors.js'

/** Names below the folder. */
const ENTRIES = ['data', 'runs', 'new-clip.mp4', 'report.html'] as const

/** Lies in every folder that a demonstration made, so that the next one knows that it may be cleared. */
const MARKER = '.timeweave-demo'

/** Where a demonstration keeps its files. */
export interface DemoFolder {
  readonly root: string
  /** The data set. */
  readonly data: string
  /** One run folder for each network. */
  readonly runs: string
  /** The file of the clip that is predicted at the end. */
  readonly newClip: string
  readonly report: string
}

async function entriesOf(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new TimeweaveError('ARGUMENT_INVALID', `expected a folder for out but received ${path}`, { cause: error })
  }
}

/**
 * Makes the folder, or clears what an earlier demonstration left in it.
 *
 * @throws `ARGUMENT_INVALID` when it holds files and was not made by a demonstration.
 */
export async function prepareFolder(root: string): Promise<DemoFolder> {
  const entries = await entriesOf(root)
  if (entries.length > 0 && !entries.includes(MARKER)) {
    throw new TimeweaveError(
      'ARGUMENT_INVALID',
      `expected a new or empty folder, or one of an earlier demo, for out but received ${root}, which holds ${entries[0]}`,
    )
  }
  await mkdir(root, { recursive: true })
  const made = entries.includes(MARKER) ? (await readFile(join(root, MARKER), 'utf8')).split('\n') : []
  for (const entry of ENTRIES) {
    if (made.includes(entry)) await rm(join(root, entry), { recursive: true, force: true })
    else if (entries.includes(entry)) {
      throw new TimeweaveError(
        'ARGUMENT_INVALID',
        `expected no ${entry} of your own in the folder for out but received ${root}, which holds one`,
      )
    }
  }
  await writeFile(join(root, MARKER), `${ENTRIES.join('\n')}\n`)
  const [data, runs, newClip, report] = ENTRIES.map((entry) => join(root, entry)) as [string, string, string, string]
  return { root, data, runs, newClip, report }
}
