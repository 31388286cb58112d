//! Finds libtorch for this build, or says in one message what was looked at and what to do.

import { findLibtorch, refusal, wantedLibtorch, type Libtorch } from '../setup/libtorch.mjs'
import { cacheFolder } from '../setup/places.mjs'
import { TimeweaveError } from './errors.js'

export type { Libtorch } from '../setup/libtorch.mjs'

/** The libtorch to open; fetches nothing. */
export function locateLibtorch(): Libtorch {
  const wanted = wantedLibtorch()
  const { libtorch, rejected } = findLibtorch({ minor: wanted.libtorch, purpose: 'run' })
  if (libtorch) return libtorch
  const named = rejected.find(({ source }) => source === 'LIBTORCH')
  if (named) {
    const { message, fix } = refusal(named, wanted.libtorch)
    throw new TimeweaveError('LIBTORCH_VERSION', `${message}\n  ${fix}`)
  }
  const lines = [
    `libtorch ${wanted.libtorch}, which this build of timeweave needs, was not found`,
    'Looked at:',
    '  - LIBTORCH, which is not set',
    `  - the cache folder ${cacheFolder()}`,
    '  - the torch package of the Python on PATH (and of VIRTUAL_ENV, CONDA_PREFIX)',
    ...rejected.map(({ path, reason }) => `  - ${path}: ${reason}`),
    'Any of these mends it:',
    '  - npx timeweave setup   fetches it into the cache folder',
    `  - export LIBTORCH=<folder of an unpacked libtorch ${wanted.libtorch}>`,
    ...(wanted.fetch ? [`  - python3 -m pip install torch==${wanted.fetch}`] : []),
  ]
  throw new TimeweaveError('LIBTORCH_MISSING', lines.join('\n'))
}
