//! `timeweave models`: every architecture with its figures.

import type { Command } from 'commander'
import { listModels } from '../model.js'
import { emit, print, quantity, table } from './terminal.js'
import { verb, type CommonOptions } from './verb.js'

/** The verb. */
export function modelsCommand(): Command {
  return verb('models', 'list every architecture: parameters, multiply-adds at its native input, paper').action(
    (options: CommonOptions) => {
      const models = listModels()
      if (options.json) return emit(models)
      const rows = models.map(({ id, params, macs, input, paper }) => [
        id,
        quantity(params),
        quantity(macs),
        `${input.frames}x${input.channels}x${input.size}x${input.size}`,
        paper,
      ])
      print(table(['id', 'params', 'multiply-adds', 'clip', 'paper'], rows))
    },
  )
}
