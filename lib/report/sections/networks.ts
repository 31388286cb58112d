//! Which networks were trained, what they cost and how often they are right.

import type { NetworkResult } from '../data.js'
import { bars, table } from '../figure.js'
import { html, type Markup } from '../html.js'
import { count, duration, percent } from '../numbers.js'
import type { Section } from '../page.js'
import { SERIES_COLORS } from '../style.js'

/** Marks of the networks in plots, in the order of the networks. */
export const SERIES_SYMBOLS = ['rect', 'circle', 'triangle', 'diamond'] as const

/** Colour and mark of a network in all figures of a page. */
export function seriesOf(index: number): { color: string; symbol: (typeof SERIES_SYMBOLS)[number] } {
  return {
    color: SERIES_COLORS[index % SERIES_COLORS.length] ?? SERIES_COLORS[0],
    symbol: SERIES_SYMBOLS[index % SERIES_SYMBOLS.length] ?? SERIES_SYMBOLS[0],
  }
}

/** Bars of the networks' accuracy against chance, for the top of a page. */
export function scoreBars(networks: readonly NetworkResult[], chance: number): Markup {
  const list = networks.map(({ name, top1 }, index) => ({ name, share: top1, value: percent(top1), color: seriesOf(index).color }))
  return html`<div role="group" aria-label="Top-1 accuracy by network">
    ${bars(list, { mark: chance })}
    <p class="note">Share of unseen clips named correctly. The dotted line is chance, ${percent(chance, 0)}.</p>
  </div>`
}

/** The table of networks. */
export function networksSection(networks: readonly NetworkResult[], chance: number): Section {
  const costs = [...new Set(networks.map(({ cost }) => `${cost.frames} frames of ${cost.size} x ${cost.size} pixels`))].join(' or ')
  return {
    id: 'networks',
    title: 'The networks',
    short: 'Networks',
    body: html`<ul>
        ${networks.map(({ name, idea }) => html`<li><strong>${name}</strong> ${idea}</li>`)}
      </ul>
      <div class="grid">
        <div class="panel">
          ${table({
            caption: `Trained from random weights. Top-1: share of unseen clips named correctly (chance ${percent(chance, 0)}). Multiply-adds: for one clip of ${costs}.`,
            columns: [
              { title: 'Network' },
              { title: 'Top-1', figures: true },
              { title: 'Epochs', figures: true },
              { title: 'Training time', figures: true },
              { title: 'Parameters', figures: true },
              { title: 'Multiply-adds', figures: true },
            ],
            rows: networks.map(({ name, top1, epochs, seconds, params, cost }, index) => [
              html`<span class="chip" style="--color:${seriesOf(index).color}"></span>${name}`,
              html`<strong>${percent(top1)}</strong>`,
              epochs,
              duration(seconds),
              count(params),
              count(cost.macs),
            ]),
          })}
        </div>
      </div>`,
  }
}
