//! Which class is taken for which: a matrix of clips for each network.

import { cellPlot } from '../charts.js'
import type { NetworkResult } from '../data.js'
import { caption, drawing, numbersBehind } from '../figure.js'
import { html, type Markup } from '../html.js'
import { percent } from '../numbers.js'
import type { Section } from '../page.js'
import { seriesOf } from './networks.js'

function matrixFigure(network: NetworkResult, counts: readonly (readonly number[])[], classes: readonly string[], index: number): Markup {
  const [width, height] = [440, 360]
  const { color } = seriesOf(index)
  const largest = Math.max(1, ...counts.map((row) => row.reduce((sum, value) => sum + value, 0)))
  const svg = cellPlot({
    width,
    height,
    description: `Confusion matrix of ${network.name}: ${percent(network.top1)} of the clips lie on the diagonal. The numbers follow as a table.`,
    rows: classes,
    columns: classes,
    x: 'named as',
    y: 'really',
    cells: counts.map((row) => row.map((value) => ({ text: String(value), tint: value / largest, color }))),
  })
  return html`<figure>
    ${caption(network.name, `${percent(network.top1)} right`)}${drawing({ width, height, svg })}${numbersBehind({
      caption: `${network.name}: clips by true class (rows) and named class (columns)`,
      columns: [{ title: 'Really' }, ...classes.map((title) => ({ title, figures: true }))],
      rows: counts.map((row, at) => [classes[at] ?? String(at), ...row]),
    })}
  </figure>`
}

/** A matrix for every network whose confusions were counted. */
export function confusionSection(networks: readonly NetworkResult[], classes: readonly string[]): Section {
  const figures = networks.flatMap((network, index) =>
    network.confusion === null ? [] : [matrixFigure(network, network.confusion, classes, index)],
  )
  return {
    id: 'confusion',
    title: 'What is taken for what',
    short: 'Confusion',
    body: html`<p>
        Each row is a true class, each column an answer, each number a count of unseen clips. Right answers lie on the diagonal.
      </p>
      <div class="grid">${figures}</div>`,
  }
}
