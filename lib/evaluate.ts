//! Evaluation of a checkpoint on a list, as a run.

import { readConfig, withPlaces } from './config-file.js'
import type { EvalConfig } from './config.js'
import { callNative } from './native.js'
import type { EvalEvent, EvalResult } from './results.js'
import { startRun, type Run, type RunOptions } from './run.js'

/**
 * Evaluates a checkpoint.
 *
 * @param config the configuration, or the path of a YAML or JSON file that holds it
 */
export function evaluate(config: EvalConfig | string | URL, options: RunOptions = {}): Run<EvalEvent, EvalResult> {
  return startRun<EvalEvent, EvalResult>((onEvent) => {
    const source = readConfig(config)
    return withPlaces(source, () => callNative((binding) => binding.startEvaluate(JSON.stringify(source.value), onEvent)))
  }, options)
}

/** The configuration with every default filled in, checked. */
export function resolveEvalConfig(config: EvalConfig | string | URL): EvalConfig {
  const source = readConfig(config)
  return JSON.parse(withPlaces(source, () => callNative((binding) => binding.resolveEvalConfig(JSON.stringify(source.value)))))
}
