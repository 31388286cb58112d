//! Folders that look like libtorch to the search, without being one.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a folder is to lack or to have otherwise. */
export interface FolderChanges {
  version?: string
  /** Symbol in libc10; the default is one of the C++11 ABI. */
  symbol?: string
  without?: string
}

const SYMBOL = '_ZN3c105ErrorC2ENS_14SourceLocationENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE'

const folders: string[] = []

function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** A folder that is removed when the file of tests ends, however it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'timeweave-test-'))
  folders.push(folder)
  // As the last listener: an addon that was opened meanwhile stops its threads, which write there, before.
  process.off('exit', removeFolders).on('exit', removeFolders)
  return folder
}

/** Writes a folder with libtorch's files, as small as they can be. */
export function writeLibtorch(folder: string, { version = '2.13.0', symbol = SYMBOL, without }: FolderChanges = {}): string {
  const files: Record<string, string> = {
    'lib/libtorch_cpu.so': 'cpu',
    'lib/libc10.so': `...${symbol}...`,
    'lib/libtorch.so': 'stub',
    'include/torch/csrc/api/include/torch/torch.h': '#pragma once',
    'build-version': `${version}\n`,
  }
  for (const [name, text] of Object.entries(files)) {
    if (name === without) continue
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}
