//! Training as a run.

import { readConfig, withPlaces } from './config-file.js'
import type { TrainConfig } from './config.js'
import { callNative } from './native.js'
import type { TrainEvent, TrainResult } from './results.js'
import { startRun, type Run, type RunOptions } from './run.js'

/**
 * Trains a network.
 *
 * @param config the configuration, or the path of a YAML or JSON file that holds it
 */
export function train(config: TrainConfig | string | URL, options: RunOptions = {}): Run<TrainEvent, TrainResult> {
  return startRun<TrainEvent, TrainResult>((onEvent) => {
    const source = readConfig(config)
    return withPlaces(source, () => callNative((binding) => binding.startTrain(JSON.stringify(source.value), onEvent)))
  }, options)
}

/** The configuration with every default filled in, checked. */
export function resolveTrainConfig(config: TrainConfig | string | URL): TrainConfig {
  const source = readConfig(config)
  return JSON.parse(withPlaces(source, () => callNative((binding) => binding.resolveTrainConfig(JSON.stringify(source.value)))))
}
