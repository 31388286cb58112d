//! What TIN has learned about time: offsets and weights of its interlacing modules, layer by layer.

import { cellPlot, markPlot } from '../charts.js'
import type { InterlaceModule } from '../data.js'
import { caption, drawing, legend, numbersBehind } from '../figure.js'
import { html, type Markup } from '../html.js'
import { signed } from '../numbers.js'
import type { Section } from '../page.js'

const GROUP_COLORS = ['var(--series-3)', 'var(--series-2)'] as const
/** Deviation from 1 that gets the full tint at the least: smaller ones are to look small. */
const LEAST_FULL_TINT = 0.2

/** What the section needs besides the modules. */
export interface InterlaceContext {
  /** Offset at which training began, in frames. */
  readonly initialOffset: number
  /** Largest offset that the network can express, in frames. */
  readonly offsetLimit: number
  /** Number of clips over which the figures are averaged. */
  readonly clips: number
}

function offsetsFigure(modules: readonly InterlaceModule[], { initialOffset, offsetLimit }: InterlaceContext): Markup {
  const size = { width: 620, height: 88 + modules.length * 30 }
  const marks = GROUP_COLORS.flatMap((color, group) => {
    const values = modules.map(({ offsets }) => offsets[group] ?? 0)
    const symbol = group === 0 ? ('circle' as const) : ('diamond' as const)
    return [
      { name: `group ${group + 1}`, color, symbol, values },
      { name: `group ${group + 1}, mirrored`, color, symbol, hollow: true, values: values.map((value) => -value) },
    ]
  })
  const plot = {
    description: `Learned offsets in frames by module: ${modules.map(({ module, offsets }) => `${module} ${offsets.map((value) => signed(value)).join(' and ')}`).join('; ')}.`,
    rows: modules.map(({ module }) => module),
    x: { name: 'offset in frames (right: features move to later frames)', min: -offsetLimit, max: offsetLimit },
    marks,
    references: [
      { value: -initialOffset, label: 'start' },
      { value: initialOffset, label: 'start' },
    ],
  }
  const narrow = { width: 400, height: size.height }
  return html`<figure class="alone">
    ${caption(
      'Offsets by module',
      'Two groups of channels have an offset of their own, two more move by the same amount the other way. Dotted: where training began.',
    )}${legend(marks.map(({ name, color, symbol, ...mark }) => ({ name, color, symbol, hollow: 'hollow' in mark, line: false })))}${drawing({ ...size, svg: markPlot({ ...plot, ...size }) }, 'wide')}${drawing(
      { ...narrow, svg: markPlot({ ...plot, ...narrow, x: { ...plot.x, name: 'offset in frames' } }) },
      'narrow',
    )}
  </figure>`
}

function weightsFigure(modules: readonly InterlaceModule[], group: number): Markup {
  const frames = modules[0]?.weights.length ?? 0
  const size = { width: 480, height: 72 + modules.length * 30 }
  const largest = Math.max(LEAST_FULL_TINT, ...modules.flatMap(({ weights }) => weights.flat().map((weight) => Math.abs(weight - 1))))
  const svg = cellPlot({
    ...size,
    description: `Weights of channel group ${group + 1} by module and frame; 1 at the start of training. The numbers follow as a table.`,
    rows: modules.map(({ module }) => module),
    columns: Array.from({ length: frames }, (_, frame) => String(frame + 1)),
    x: 'frame',
    y: '',
    cells: modules.map(({ weights }) =>
      weights.map((row) => {
        const weight = row[group] ?? 1
        const color = weight > 1 ? 'var(--series-3)' : 'var(--series-2)'
        return { text: weight.toFixed(2), tint: Math.abs(weight - 1) / largest, color }
      }),
    ),
  })
  return html`<figure>
    ${caption(`Weights over time, group ${group + 1}`, 'Orange: the frame counts more than at the start of training, blue: less.')}${drawing({ ...size, svg })}
  </figure>`
}

/** Offsets and weights of every module. */
export function interlaceSection(modules: readonly InterlaceModule[], context: InterlaceContext): Section {
  const frames = modules[0]?.weights.length ?? 0
  return {
    id: 'interlace',
    title: 'What TIN learned about time',
    short: 'TIN by layer',
    body: html`<p>
        Before each block, TIN moves part of the channels to neighbouring frames. A small network looks at the clip and says how far (the
        offset, in frames) and how much every frame then counts (the weight, 1 at the start of training). Nothing tells it which way time
        runs: these values come from the labels alone. They are means over ${context.clips} unseen clips.
      </p>
      ${offsetsFigure(modules, context)}
      <div class="grid">${weightsFigure(modules, 0)}${weightsFigure(modules, 1)}</div>
      ${numbersBehind({
        caption: 'Offsets in frames and weights by frame',
        columns: [
          { title: 'Module' },
          { title: 'Group', figures: true },
          { title: 'Offset', figures: true },
          ...Array.from({ length: frames }, (_, frame) => ({ title: `w${frame + 1}`, figures: true })),
        ],
        rows: modules.flatMap(({ module, offsets, weights }) =>
          offsets.map((offset, group) => [module, group + 1, signed(offset, 3), ...weights.map((row) => (row[group] ?? 0).toFixed(2))]),
        ),
      })}`,
  }
}
