//! What a demonstration was made with and the command that makes it again, for the report's last section.

import { cpus, release, type } from 'node:os'

import { callNative } from '../native.js'
import type { RunSettings } from '../report/sections/settings.js'
import type { DemoOptions } from './demo.js'
import type { DemoPlan } from './settings.js'

/** What the native side says of itself. */
interface Versions {
  readonly addon: string
  readonly libtorch: string
  readonly cuda: { readonly available: boolean; readonly devices: number }
  readonly ffmpeg: { readonly version: string } | { readonly error: string }
  readonly threads: number
}

/** An argument as a shell takes it. */
function quoted(argument: string): string {
  return /^[\w./:@%+=,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`
}

/** The command line of a demonstration; the folder for its results is left to whoever repeats it. */
export function repeatCommand({ quick, videos, device }: DemoOptions, seed: number): string {
  return [
    'npx timeweave demo',
    ...(quick === true ? ['--quick'] : []),
    `--seed ${seed}`,
    ...(videos === undefined ? [] : [`--videos ${quoted(videos)}`]),
    ...(device === undefined || device === 'auto' ? [] : [`--device ${device}`]),
  ].join(' ')
}

/** Seeds, sizes, versions and the machine. */
export function runSettings(plan: DemoPlan, options: DemoOptions, seed: number): RunSettings {
  const versions: Versions = JSON.parse(callNative((binding) => binding.versions()))
  const { trainClips, valClips, testClips, frames, size } = plan.data
  const rates = [...new Set(plan.networks.map(({ lr }) => lr))].join(' or ')
  const epochs = plan.networks.map((network) => `${network.epochs} for ${network.name}`)
  const processor = cpus()[0]?.model ?? 'unknown processor'
  return {
    command: repeatCommand(options, seed),
    values: [
      ['Seed', seed],
      [
        'Clips',
        `${trainClips} to train on, ${valClips} to stop by, ${testClips} for the figures above; ${frames} frames of ${size} x ${size} pixels`,
      ],
      ['Backgrounds', options.videos === undefined ? 'drawn' : 'pictures of your own videos'],
      ['Optimiser', `AdamW, batches of ${plan.batchSize}, learning rate ${rates} after an epoch of warm-up, then half a cosine`],
      ['Epochs', `at most ${epochs.join('; ')}`],
      ['Stop', `when top-1 on the clips to stop by reaches ${plan.enough}; the checkpoint that was best on them is tested`],
      ['timeweave', versions.addon],
      ['libtorch', `${versions.libtorch}${versions.cuda.available ? `, ${versions.cuda.devices} CUDA device(s)` : ', CPU'}`],
      ['FFmpeg', 'version' in versions.ffmpeg ? versions.ffmpeg.version : 'not found'],
      ['Node', process.versions.node],
      ['Machine', `${processor}, ${versions.threads} threads, ${type()} ${release()}`],
    ],
  }
}
