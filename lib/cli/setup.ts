//! `timeweave setup`: finds or fetches libtorch.

import type { Command } from 'commander'
import { ensureLibtorch } from '../../setup/steps.mjs'
import { Reporter, SetupError } from '../../setup/terminal.mjs'
import { TimeweaveError, errorFromRecord } from '../errors.js'
import { emit } from './terminal.js'
import { verb, type CommonOptions } from './verb.js'

/** The verb. */
export function setupCommand(): Command {
  return verb('setup', 'find libtorch, or fetch it into the cache folder ($TIMEWEAVE_HOME), and say where it is').action(
    async (options: CommonOptions) => {
      const reporter = new Reporter(options.json ? process.stderr : process.stdout)
      try {
        const libtorch = await ensureLibtorch(reporter)
        if (options.json) emit({ libtorch })
        else reporter.verdict('timeweave is ready')
      } catch (error) {
        throw asTimeweaveError(error)
      }
    },
  )
}

function asTimeweaveError(error: unknown): unknown {
  if (!(error instanceof SetupError)) return error
  const fix = error.fix ? `\n  run: ${error.fix}` : ''
  const details = error.details ? `\n${error.details.trimEnd()}` : ''
  const known = errorFromRecord({ code: error.code, message: `${error.message}${fix}${details}` })
  return known.code === 'INTERNAL' ? new TimeweaveError('SETUP_FAILED', known.message, { cause: error }) : known
}
