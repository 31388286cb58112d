#!/usr/bin/env node
//! The command line: verbs onto the functions of the package, failures onto exit codes.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { packageRoot } from '../../setup/places.mjs'
import { toTimeweaveError } from '../errors.js'
import { benchCommand } from './bench.js'
import { convertCommand } from './convert.js'
import { demoCommand } from './demo.js'
import { doctorCommand } from './doctor.js'
import { INTERRUPTED } from './interrupt.js'
import { modelsCommand } from './models.js'
import { predictCommand } from './predict.js'
import { prepareCommand } from './prepare.js'
import { setupCommand } from './setup.js'
import { say } from './terminal.js'
import { testCommand } from './test.js'
import { trainCommand } from './train.js'
import { ExitCode, UsageError } from './verb.js'

const { version }: { version: string } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))

const program = new Command('timeweave')
  .description('video action recognition: TSN, TSM, TIN and bLVNet-TAM')
  .version(version)
  .showSuggestionAfterError()
  .showHelpAfterError('(add --help for the verbs)')
const verbs = [
  setupCommand(),
  doctorCommand(),
  modelsCommand(),
  prepareCommand(),
  trainCommand(),
  testCommand(),
  predictCommand(),
  convertCommand(),
  benchCommand(),
  demoCommand(),
]
for (const verb of verbs) program.addCommand(verb)
for (const command of [program, ...verbs, ...verbs.flatMap((verb) => verb.commands)]) command.exitOverride()

// A reader such as `head` that has seen enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

program.parseAsync().catch((error: unknown) => {
  process.exitCode = report(error)
})

/** Writes what is left to say of a failure; gives its exit code. */
function report(error: unknown): number {
  if (error instanceof ExitCode) return error.code
  // Commander has written its own message; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageError) {
    say(`error: ${error.message}`)
    return 2
  }
  const { code, message } = toTimeweaveError(error)
  say(`error[${code}]: ${message}`)
  return code === 'ABORTED' ? INTERRUPTED : 1
}
