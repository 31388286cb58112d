//! Dependencies point one way: between the crates, and between the TypeScript and the native side.

import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What each crate may build on; ARCHITECTURE.md draws it. */
const ALLOWED: Record<string, readonly string[]> = {
  kernels: [],
  ffmpeg: [],
  loader: [],
  video: [],
  weights: [],
  models: ['kernels', 'weights'],
  engine: ['kernels', 'models', 'video'],
  node: ['engine', 'models', 'video'],
  benches: ['kernels', 'models', 'video'],
}

interface Package {
  name: string
  dependencies: { name: string; kind: string | null }[]
}

function packages(): Package[] {
  const text = execFileSync('cargo', ['metadata', '--format-version', '1', '--no-deps', '--locked', '--offline'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  return JSON.parse(text).packages
}

test('crates depend downwards only', (t) => {
  const all = packages()
  t.true(all.length >= 7)
  for (const { name, dependencies } of all) {
    const short = name.replace('timeweave-', '')
    const allowed = ALLOWED[short]
    t.truthy(allowed, `${name} has no place in the layers`)
    // What only tests use makes no layer.
    const own = dependencies.filter(({ name: other, kind }) => other.startsWith('timeweave-') && kind !== 'dev')
    for (const { name: other } of own) t.true(allowed?.includes(other.replace('timeweave-', '')), `${name} must not depend on ${other}`)
  }
})

test('each outside library is named by the layer it belongs to', (t) => {
  const owners: Record<string, readonly string[]> = {
    tch: ['kernels', 'models', 'engine', 'node', 'benches'],
    napi: ['node', 'loader'],
    'ffmpeg-next': ['ffmpeg'],
    libloading: ['video', 'loader'],
  }
  for (const { name, dependencies } of packages()) {
    for (const { name: library, kind } of dependencies) {
      if (kind !== null) continue
      const allowed = owners[library]
      if (allowed) t.true(allowed.includes(name.replace('timeweave-', '')), `${name} must not depend on ${library}`)
    }
  }
})

function scripts(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}

test('only lib/native.ts imports the binding', (t) => {
  const importers = scripts('lib').filter(
    (file) => !file.endsWith('.d.ts') && /from '(#binding|.*binding\.js)'/.test(readFileSync(file, 'utf8')),
  )
  t.deepEqual(importers, [join(ROOT, 'lib', 'native.ts')])
})

test('the command line is built on the library and not the other way round', (t) => {
  for (const file of scripts('lib').filter((name) => !name.includes('/cli/'))) {
    t.notRegex(readFileSync(file, 'utf8'), /from '.*\/cli\//, file)
  }
})

test('the set-up needs no npm package', (t) => {
  for (const file of scripts('setup')) {
    for (const [, source] of readFileSync(file, 'utf8').matchAll(/^import .*? from '([^']+)'/gms))
      t.regex(source ?? '', /^(node:|\.\/)/, file)
  }
})
