//! Files of weights into other files: other forms, other names.

import type { ModelSpec, WeightSource } from './config.js'
import { pathOf } from './input.js'
import { awaitNative } from './native.js'
import type { LoadReport } from './results.js'

/** What {@link convert} makes of a file. */
export interface ConvertOptions {
  /** The network: a value of `arch` or an id such as `tsm-50`. @default every tensor keeps its name */
  arch?: string
  /** Fields of the network's spec. @default what the file tells, then the spec's own defaults */
  spec?: Partial<Record<string, unknown>>
  /** Whose names the file has. @default found in the names */
  from?: WeightSource
  /** Whose names the new file gets. @default the network's own */
  names?: WeightSource
  /** Form of the new file. @default by its ending */
  to?: 'safetensors' | 'pytorch'
}

/** What became of a file; the lists name the weights of the network. */
export interface ConvertReport extends LoadReport {
  readonly input: string
  /** How the file was read: its form, the entry that held the weights, whether `module.` was removed. */
  readonly readAs: {
    readonly format: 'zip' | 'legacy' | 'tar' | 'safetensors'
    readonly container: string | null
    readonly moduleRemoved: boolean
  }
  readonly output: string
  readonly to: 'safetensors' | 'pytorch'
  /** Tensors in the new file. */
  readonly tensors: number
  /** The network; null where names were kept. */
  readonly spec: ModelSpec | null
  /** Whose names the new file has; null for the network's own and for names that were kept. */
  readonly names: WeightSource | null
  /** Weights that `names` has no name for; they are not in the new file. */
  readonly leftOut: readonly string[]
}

/** Reads a checkpoint of any project and writes it in another form, with other names where a network is given. */
export async function convert(input: string | URL, output: string | URL, options: ConvertOptions = {}): Promise<ConvertReport> {
  const request = { ...options, input: pathOf(input), output: pathOf(output) }
  return JSON.parse(await awaitNative((binding) => binding.convert(JSON.stringify(request))))
}
