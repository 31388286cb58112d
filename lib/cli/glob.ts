//! Patterns of file names, for shells that pass them on and for quoted ones.

import { existsSync, type Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** The files that an argument of the command line names: itself, or in order of their names what its pattern matches. */
export async function expandInput(input: string): Promise<string[]> {
  // A name that exists is meant, whatever characters it has.
  if (!isPattern(input) || existsSync(input)) return [input]
  const parts = input.split(/[\\/]/)
  const root = input.startsWith(sep) ? sep : ''
  const found = await Promise.all(
    alternatives(parts).map((choice) =>
      descend(
        root,
        choice.filter((part, k) => part !== '' || (k > 0 && root === '')),
      ),
    ),
  )
  return [...new Set(found.flat())].toSorted()
}

function isPattern(text: string): boolean {
  return /[*?[{]/.test(text)
}

/** `{a,b}` written out; it may stand across several parts' names but not across folders. */
function alternatives(parts: readonly string[]): string[][] {
  const [first, ...rest] = parts
  if (first === undefined) return [[]]
  const heads = braces(first)
  return alternatives(rest).flatMap((tail) => heads.map((head) => [head, ...tail]))
}

function braces(part: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(part)
  if (!match) return [part]
  const [, before = '', inner = '', after = ''] = match
  return inner.split(',').flatMap((choice) => braces(`${before}${choice}${after}`))
}

async function descend(folder: string, parts: readonly string[]): Promise<string[]> {
  const [part, ...rest] = parts
  if (part === undefined) return [folder]
  if (part === '') return descend(folder, rest)
  if (part === '**') {
    const below = await entries(folder)
    const deeper = below.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    const found = await Promise.all(deeper.map((entry) => descend(join(folder, entry.name), parts)))
    return [...(await descend(folder, rest)), ...found.flat()]
  }
  if (!isPattern(part)) {
    const path = join(folder, part)
    return existsSync(path) ? descend(path, rest) : []
  }
  const matches = expression(part)
  const named = (await entries(folder)).filter(({ name }) => matches.test(name) && (part.startsWith('.') || !name.startsWith('.')))
  const found = await Promise.all(
    named.filter((entry) => rest.length === 0 || !entry.isFile()).map(({ name }) => descend(join(folder, name), rest)),
  )
  return found.flat()
}

async function entries(folder: string): Promise<Dirent[]> {
  return readdir(folder || '.', { withFileTypes: true }).catch(() => [])
}

/** `*`, `?` and `[a-z]` (`[!a-z]`) of one name as a regular expression. */
function expression(part: string): RegExp {
  const source = part.replace(/\[!?[^\]]+\]|[\s\S]/g, (token) => {
    if (token === '*') return '.*'
    if (token === '?') return '.'
    if (token.length > 1) return token.replace('[!', '[^').replaceAll('\\', '\\\\')
    return token.replace(/[\\^$.|+()[\]{}]/, String.raw`\$&`)
  })
  return new RegExp(`^${source}$`, 's')
}
