//! `timeweave models`: every architecture with its figures.

import type { Command } from 'commander'
import { listModels, modelModules } from '../model.js'
import { emit, print, quantity, table } from './terminal.js'
import { verb, type CommonOptions } from './verb.js'

/** The verb. */
export function modelsCommand(): Command {
  return verb('models', 'list every architecture: parameters, multiply-adds at its native input, paper')
    .argument('[id]', 'one of them, module by module')
    .action((id: string | undefined, options: CommonOptions) => (id === undefined ? listAll(options) : listModules(id, options)))
}

function listAll(options: CommonOptions): void {
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
}

function listModules(id: string, options: CommonOptions): void {
  const modules = modelModules(id)
  if (options.json) return emit(modules)
  print(
    table(
      ['module', 'params', 'multiply-adds'],
      modules.map(({ module, params, macs }) => [module, quantity(params), quantity(macs)]),
    ),
  )
}
