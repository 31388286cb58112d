//! Input for the report's specs: figures of a made-up run, shaped as the demonstration's are.

import type { DemoOutcome } from '../lib/demo/page.js'
import type { ClipPicture, EpochFigures, NetworkResult } from '../lib/report/data.js'

const CLASSES = ['left', 'right', 'up', 'down']
const STEPS: Readonly<Record<string, readonly [number, number]>> = { left: [-4, 0], right: [4, 0], up: [0, -4], down: [0, 4] }

/** A bright patch over a pattern, moving as the label says. */
export function exampleClip(label: string, seed: number, size = 48, frames = 8): ClipPicture {
  const [dx, dy] = STEPS[label] ?? [0, 0]
  const pictures = Array.from({ length: frames }, (_, frame) => {
    const data = new Uint8Array(size * size * 3)
    const [left, top] = [size / 2 - 6 + dx * (frame - frames / 2), size / 2 - 6 + dy * (frame - frames / 2)]
    for (let at = 0; at < size * size; at++) {
      const [x, y] = [at % size, Math.floor(at / size)]
      const inside = x >= left && x < left + 12 && y >= top && y < top + 12
      const value = inside
        ? ((x - left) * 31 + (y - top) * 57 + seed * 13) % 200
        : (Math.floor(x / 3) * 71 + Math.floor(y / 3) * 37 + seed * 91) % 255
      data.set(inside ? [value, 255 - value, 90] : [value / 2, value, 255 - value], at * 3)
    }
    return { width: size, height: size, data }
  })
  return { label, file: `val/${label}-0007.mp4`, frames: pictures }
}

function history(epochs: number, reached: number): EpochFigures[] {
  return Array.from({ length: epochs }, (_, at) => {
    const share = reached <= 0.3 ? 0 : (at + 1) / epochs
    const top1 = 0.25 + (reached - 0.25) * Math.min(1, share * share * 1.1)
    return {
      epoch: at + 1,
      train: { loss: 1.386 * (1.02 - top1 * (reached > 0.3 ? 0.9 : 0)), top1: Math.max(0.24, top1 - 0.03) },
      val: { loss: 1.4 * (1.04 - top1 * (reached > 0.3 ? 0.85 : 0)), top1 },
      seconds: 9.5 + (at % 3) * 0.4,
    }
  })
}

function network(arch: string, name: string, temporal: boolean, idea: string, top1: number, epochs: number): NetworkResult {
  const right = Math.round(top1 * 40)
  return {
    arch,
    name,
    temporal,
    idea,
    top1,
    epochs,
    seconds: epochs * 9.7,
    params: 11_178_564,
    cost: { macs: 14_560_000_000, frames: 8, size: 224 },
    history: history(epochs, top1),
    confusion: CLASSES.map((_, row) => CLASSES.map((__, column) => (row === column ? right : column === (row + 1) % 4 ? 40 - right : 0))),
    config: `model:\n  arch: ${arch}\n  numFrames: 8\n`,
  }
}

/** A whole outcome; `changes` replaces parts of it. */
export function exampleOutcome(changes: Partial<DemoOutcome> = {}): DemoOutcome {
  const networks = [
    network('tsn', 'TSN, ResNet-18', false, 'scores each frame by itself and averages.', 0.256, 4),
    network('tsm', 'TSM, ResNet-18', true, 'moves an eighth of the channels one frame ahead and an eighth one frame back.', 0.963, 7),
    network('tin', 'TIN, ResNet-18', true, 'learns how far to move channels in time and how much each frame counts.', 0.931, 8),
    network('blvnet-tam', 'bLVNet-TAM-50', true, 'mixes three frames channel by channel, with a big and a little branch.', 0.981, 5),
  ]
  return {
    networks,
    verdict: { kept: true, sentence: 'As expected.' },
    classes: CLASSES,
    chance: 0.25,
    data: { trainClips: 480, valClips: 120, testClips: 240, frames: 8, size: 48, ownVideos: false },
    examples: CLASSES.map((label, seed) => exampleClip(label, seed + 1)),
    interlace: {
      modules: Array.from({ length: 8 }, (_, at) => ({
        module: `layer${1 + Math.floor(at / 2)}.${at % 2}`,
        offsets: [0.5 + at * 0.11, 0.6 - at * 0.09],
        weights: Array.from({ length: 8 }, (__, frame) => [1 + 0.1 * Math.sin(frame + at), 1 - 0.06 * frame]),
      })),
      context: { initialOffset: 0.5, offsetLimit: 2, clips: 40 },
    },
    clip: exampleClip('up', 11),
    answers: networks.map(({ name, temporal }) => ({
      name,
      predictions: temporal
        ? [
            { label: 'up', score: 0.97 },
            { label: 'down', score: 0.02 },
            { label: 'left', score: 0.007 },
            { label: 'right', score: 0.003 },
          ]
        : CLASSES.map((label) => ({ label, score: 0.25 })),
    })),
    settings: {
      command: 'npx timeweave demo --seed 7',
      values: [
        ['Seed', 7],
        ['timeweave', '0.1.0'],
        ['libtorch', '2.13.0'],
      ],
    },
    date: '2026-01-31',
    ...changes,
  }
}
