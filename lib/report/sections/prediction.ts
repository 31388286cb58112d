//! A clip that no network has seen, and what each of them says it shows.

import type { ClipPicture, NetworkAnswer } from '../data.js'
import { bars, caption } from '../figure.js'
import { html, type Markup } from '../html.js'
import { percent } from '../numbers.js'
import type { Section } from '../page.js'
import { filmStrip } from './clips.js'
import { seriesOf } from './networks.js'

function answerFigure({ name, predictions }: NetworkAnswer, index: number, expected: string): Markup {
  const first = predictions[0]?.label
  const verdict =
    first === expected ? html`<span class="good">correct: says ${first}</span>` : html`<span class="bad">mistaken: says ${first}</span>`
  const list = predictions.map(({ label, score }) => ({ name: label, share: score, value: percent(score), color: seriesOf(index).color }))
  return html`<figure>${caption(name, verdict)}${bars(list, { small: true })}</figure>`
}

/** The clip as a film strip and the probabilities that each network gives. */
export function predictionSection(clip: ClipPicture, answers: readonly NetworkAnswer[], introduction: string): Section {
  return {
    id: 'prediction',
    title: 'A new clip',
    body: html`<p>${introduction}</p>
      <div class="grid">${filmStrip(clip, `Really: ${clip.label}`, clip.file)}</div>
      <div class="grid" style="--column:220px">${answers.map((answer, index) => answerFigure(answer, index, clip.label))}</div>`,
  }
}
