//! The hand-written types against the JSON Schema that the native side derives from its own.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { compile } from 'json-schema-to-typescript'
import { native } from '../lib/native.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDER = join(ROOT, '__test__', '.types')
const NAMES = ['ModelSpec', 'TrainConfig', 'EvalConfig', 'PredictOptions'] as const

type Schema = Record<string, unknown>

test.before(() => mkdirSync(FOLDER, { recursive: true }))
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }))

/** The schema with `cuda:N` as the template type that JSON Schema has no word for. */
function withDevice(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withDevice)
  if (typeof node !== 'object' || node === null) return node
  const fields: Schema = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withDevice(value)]))
  if (typeof fields.pattern === 'string' && fields.pattern.includes('cuda')) return { tsType: "import('../../lib/config.js').Device" }
  return fields
}

const EQUAL = `
/** All fields present: a field that only one side has then shows. */
type All<T> = T extends readonly (infer E)[] ? (number extends T['length'] ? All<E>[] : T) : T extends object ? { [K in keyof T]-?: All<Exclude<T[K], undefined>> } : T
type Fits<A, B> = [A] extends [B] ? true : false
export type Same<A, B> = [Fits<A, B>, Fits<B, A>, Fits<All<A>, All<B>>, Fits<All<B>, All<A>>]
export const yes: [true, true, true, true] = [true, true, true, true]
`

/** What tsc says of a comparison, one line per difference. */
async function compare(name: (typeof NAMES)[number], ours: string): Promise<string> {
  const schemas: Record<string, Schema> = JSON.parse(native().configSchema())
  const schema = withDevice({ ...schemas[name], title: name }) as Schema
  const source = await compile(schema, name, {
    additionalProperties: false,
    bannerComment: '',
    format: false,
    declareExternallyReferenced: true,
  })
  const id = `${name}-${ours.length}`
  writeFileSync(join(FOLDER, 'same.ts'), EQUAL)
  writeFileSync(join(FOLDER, `${id}.schema.ts`), source)
  writeFileSync(
    join(FOLDER, `${id}.ts`),
    `import type { ${name} as Theirs } from './${id}.schema.js'\nimport type * as Ours from '../../lib/config.js'\nimport { yes, type Same } from './same.js'\nexport const same: Same<${ours}, Theirs> = yes\n`,
  )
  const config = { extends: '../../tsconfig.json', compilerOptions: { rootDir: '../..', noEmit: true }, include: [], files: [`${id}.ts`] }
  writeFileSync(join(FOLDER, `${id}.json`), JSON.stringify(config))
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(FOLDER, `${id}.json`)], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return ''
  } catch (error) {
    return `${(error as { stdout: string }).stdout}\n${readFileSync(join(FOLDER, `${id}.schema.ts`), 'utf8')}`
  }
}

for (const name of NAMES) {
  test(`${name} is the type that its schema describes`, async (t) => {
    t.is(await compare(name, `Ours.${name}`), '')
  })
}

test('a field too many, a field too few and another type are noticed', async (t) => {
  t.not(await compare('PredictOptions', 'Ours.PredictOptions & { more?: number }'), '')
  t.not(await compare('PredictOptions', "Omit<Ours.PredictOptions, 'decode'>"), '')
  t.not(await compare('EvalConfig', "Omit<Ours.EvalConfig, 'batchSize'> & { batchSize?: string }"), '')
})
