//! Learning curves: loss and accuracy by epoch, on the clips trained on and on the clips held back.

import { type Line, linePlot } from '../charts.js'
import type { NetworkResult } from '../data.js'
import { caption, drawing, legend, numbersBehind } from '../figure.js'
import { html, type Markup } from '../html.js'
import { percent } from '../numbers.js'
import type { Section } from '../page.js'
import { seriesOf } from './networks.js'

type Measure = 'loss' | 'top1'

function validation({ history }: NetworkResult, measure: Measure): (readonly [number, number])[] {
  return history.flatMap(({ epoch, val }) => (val === null ? [] : [[epoch, val[measure]] as const]))
}

function overview(networks: readonly NetworkResult[], chance: number): Markup {
  const lines: Line[] = networks.map((network, index) => ({ name: network.name, ...seriesOf(index), points: validation(network, 'top1') }))
  const last = networks.map(
    ({ name, history }) => `${name} ${percent(history.at(-1)?.val?.top1 ?? Number.NaN, 0)} after ${history.length} epochs`,
  )
  const draw = (width: number, height: number) => ({
    width,
    height,
    svg: linePlot({
      width,
      height,
      description: `Top-1 accuracy on unseen clips by epoch: ${last.join('; ')}.`,
      lines,
      x: 'epoch',
      y: { name: 'top-1', format: 'percent', max: 1 },
      reference: { value: chance, label: `chance ${percent(chance, 0)}` },
    }),
  })
  return html`<figure class="alone">
    ${caption('Accuracy on unseen clips')}${legend(
      networks.map(({ name }, index) => ({ name, ...seriesOf(index) })),
    )}${drawing(draw(980, 360), 'wide')}${drawing(draw(400, 300), 'narrow')}
  </figure>`
}

function measurePlot(network: NetworkResult, index: number, measure: Measure, chance: number): Markup {
  const { color, symbol } = seriesOf(index)
  const [width, height] = [440, 260]
  const what = measure === 'top1' ? 'Top-1 accuracy' : 'Cross-entropy loss'
  const svg = linePlot({
    width,
    height,
    description: `${what} of ${network.name} by epoch, in training and in validation.`,
    lines: [
      { name: 'validation', color, symbol, points: validation(network, measure) },
      { name: 'training', color, symbol: 'none', dashed: true, points: network.history.map(({ epoch, train }) => [epoch, train[measure]]) },
    ],
    x: 'epoch',
    y: measure === 'top1' ? { name: 'top-1', format: 'percent', max: 1 } : { name: 'loss', format: 'number' },
    reference: measure === 'top1' ? { value: chance, label: 'chance' } : { value: -Math.log(chance), label: 'chance' },
  })
  return html`<div>
    <p class="note">${what}</p>
    ${drawing({ width, height, svg })}
  </div>`
}

function networkFigure(network: NetworkResult, index: number, chance: number): Markup {
  const { color, symbol } = seriesOf(index)
  return html`<figure class="alone">
    ${caption(network.name)}${legend([
      { name: 'validation', color, symbol },
      { name: 'training', color, symbol: 'none', dashed: true },
    ])}
    <div class="grid" style="--column:320px">
      ${measurePlot(network, index, 'top1', chance)}${measurePlot(network, index, 'loss', chance)}
    </div>
    ${numbersBehind({
      caption: `${network.name}, by epoch`,
      columns: ['Epoch', 'Training loss', 'Training top-1', 'Validation loss', 'Validation top-1', 'Seconds'].map((title) => ({
        title,
        figures: true,
      })),
      rows: network.history.map(({ epoch, train, val, seconds }) => [
        epoch,
        train.loss.toFixed(3),
        percent(train.top1),
        val === null ? '' : val.loss.toFixed(3),
        val === null ? '' : percent(val.top1),
        seconds.toFixed(1),
      ]),
    })}
  </figure>`
}

/** Accuracy of all networks in one plot, then loss and accuracy of each. */
export function curvesSection(networks: readonly NetworkResult[], chance: number): Section {
  return {
    id: 'curves',
    title: 'How they learned',
    short: 'Learning curves',
    body: html`${overview(networks, chance)}
      <h3>Training and validation, network by network</h3>
      <p class="note">The level called chance in a loss plot is the loss of a guess that gives every class the same probability.</p>
      ${networks.map((network, index) => networkFigure(network, index, chance))}`,
  }
}
