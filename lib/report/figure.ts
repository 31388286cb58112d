//! Figures: a plot or pictures with a caption and, for readers who want them, the numbers as a table.

import type { Size } from './charts.js'
import { type Content, html, type Markup, trusted } from './html.js'

/** A plot that has been drawn, with the size it was drawn for. */
export interface Drawing extends Size {
  readonly svg: string
}

/** A column of a table. */
export interface Column {
  readonly title: string
  /** Figures stand right, so that their digits line up. @default false */
  readonly figures?: boolean
}

/** Rows of cells below their headings; the first cell of a row names it. */
export interface Table {
  readonly caption: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Content[])[]
}

/** A table that scrolls sideways where it does not fit. */
export function table({ caption, columns, rows }: Table): Markup {
  const kind = (index: number): Content => columns[index]?.figures === true && html` class="right"`
  const cell = (content: Content, index: number): Markup =>
    index === 0 ? html`<th scope="row" ${kind(index)}>${content}</th>` : html`<td${kind(index)}>${content}</td>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ title }, index) => html`<th scope="col" ${kind(index)}>${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cell)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** A caption: a title and a sentence that says how to read the figure. */
export function caption(title: string, note?: Content): Markup {
  return html`<figcaption>
    <h3>${title}</h3>
    ${note !== undefined && html`<span class="note">${note}</span>`}
  </figcaption>`
}

/** A drawing at its natural size where there is room for it, smaller where there is not. */
export function drawing({ svg, width }: Drawing, kind?: 'wide' | 'narrow'): Markup {
  const name = kind !== undefined && html` class="${kind}"`
  return html`<div${name} style="--natural:${width}px">${trusted(svg)}</div>`
}

/** The numbers behind a figure, closed at first. */
export function numbersBehind(content: Table): Markup {
  return html`<details>
    <summary>The numbers</summary>
    ${table(content)}
  </details>`
}

/** An entry of a legend. */
export interface LegendEntry {
  readonly name: string
  readonly color: string
  readonly symbol: 'circle' | 'rect' | 'triangle' | 'diamond' | 'none'
  readonly dashed?: boolean
  readonly hollow?: boolean
  /** Whether a line runs through the mark. @default true */
  readonly line?: boolean
}

const SYMBOLS = {
  circle: '<circle cx="13" cy="6" r="4"/>',
  rect: '<rect x="9" y="2" width="8" height="8"/>',
  triangle: '<path d="M13 1.5 17.5 10h-9z"/>',
  diamond: '<path d="M13 1l4.6 5L13 11 8.4 6z"/>',
  none: '',
} as const

/** Names of the lines and marks of one or more plots. */
export function legend(entries: readonly LegendEntry[]): Markup {
  return html`<ul class="legend">
    ${entries.map(({ name, color, symbol, dashed, hollow, line }) => {
      const dash = dashed === true ? html` stroke-dasharray="4 3"` : ''
      const stroke = line !== false && html`<path d="M0 6h26" style="stroke:${color}" stroke-width="2" ${dash} />`
      const fill = hollow === true ? html`fill:var(--panel);stroke:${color};stroke-width:2` : html`fill:${color}`
      return html`<li>
        <svg viewBox="0 0 26 12" aria-hidden="true">
          ${stroke}
          <g style="${fill}">${trusted(SYMBOLS[symbol])}</g></svg
        >${name}
      </li>`
    })}
  </ul>`
}

/** A horizontal bar with its name and figure. */
export interface Bar {
  readonly name: Content
  /** 0..1 of the track. */
  readonly share: number
  readonly value: string
  /** A CSS colour. */
  readonly color?: string
}

/** Bars of shares; `mark` is a level to compare with, drawn on each of them. */
export function bars(list: readonly Bar[], options: { readonly mark?: number; readonly small?: boolean } = {}): Markup {
  const mark = options.mark === undefined ? '' : html`<span class="mark" style="left:${(options.mark * 100).toFixed(2)}%"></span>`
  return html`<ul class="bars${options.small === true && ' small'}">
    ${list.map(({ name, share, value, color }) => {
      const width = Math.min(Math.max(share, 0), 1) * 100
      const tint = color !== undefined && html`;--color:${color}`
      return html`<li>
        <span>${name}</span
        ><span class="track" aria-hidden="true"><span class="fill" style="width:${width.toFixed(2)}%${tint}"></span>${mark}</span
        ><span class="value number">${value}</span>
      </li>`
    })}
  </ul>`
}
