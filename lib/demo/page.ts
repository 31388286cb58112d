//! The demonstration's report: its sections in the order in which the argument goes.

import type { ClipPicture, InterlaceModule, NetworkAnswer, NetworkResult } from '../report/data.js'
import { html } from '../report/html.js'
import { percent } from '../report/numbers.js'
import { type Page, type Section } from '../report/page.js'
import { filmStrip, stills } from '../report/sections/clips.js'
import { confusionSection } from '../report/sections/confusion.js'
import { curvesSection } from '../report/sections/curves.js'
import { type InterlaceContext, interlaceSection } from '../report/sections/interlace.js'
import { networksSection, scoreBars } from '../report/sections/networks.js'
import { predictionSection } from '../report/sections/prediction.js'
import { type RunSettings, settingsSection } from '../report/sections/settings.js'
import { headline, type Verdict } from './verdict.js'

/** Everything that the demonstration found out. */
export interface DemoOutcome {
  readonly networks: readonly NetworkResult[]
  readonly verdict: Verdict
  readonly classes: readonly string[]
  /** Share that guessing gets right. */
  readonly chance: number
  readonly data: {
    readonly trainClips: number
    readonly valClips: number
    readonly testClips: number
    readonly frames: number
    readonly size: number
    /** Whether the textures are cut from the user's own videos. */
    readonly ownVideos: boolean
  }
  /** One clip that the networks did not train on for each class. */
  readonly examples: readonly ClipPicture[]
  readonly interlace: { readonly modules: readonly InterlaceModule[]; readonly context: InterlaceContext } | null
  readonly clip: ClipPicture
  readonly answers: readonly NetworkAnswer[]
  readonly settings: RunSettings
  /** ISO date of the run. */
  readonly date: string
}

function dataSection({ data, classes, examples, chance }: DemoOutcome): Section {
  const textures = data.ownVideos
    ? 'its texture too, and the backgrounds are cut out of your own videos'
    : 'and both textures are drawn anew for every clip'
  const middle = Math.floor(data.frames / 2)
  return {
    id: 'data',
    title: 'One frame says nothing',
    short: 'Data set',
    body: html`<p>
        In every clip a textured patch moves over a still, textured background and comes back at the other side when it leaves the picture;
        the class is the direction in which it goes: ${classes.join(', ')}. Place, size and speed of the patch are drawn at random,
        ${textures}. All clips are real video files of ${data.frames} frames, ${data.size} by ${data.size} pixels: ${data.trainClips} to
        train on, ${data.valClips} with other textures to stop by, and ${data.testClips} that only the final test sees.
      </p>
      <p>
        Here is one frame of a clip of each class. Which one is which? It cannot be seen: the patch is somewhere, and where it goes next is
        not in the picture. Whoever looks at single frames has to guess and is right in ${percent(chance, 0)} of the cases, however long it
        trains.
      </p>
      <figure class="alone">${stills(examples, middle)}</figure>
      <p>The same clips in time. Follow the patch from frame to frame:</p>
      <div class="grid" style="--column:100%">
        ${examples.map((clip, index) => filmStrip(clip, `clip ${index + 1} goes ${clip.label}`, clip.file))}
      </div>`,
  }
}

/** The page of a demonstration. */
export function demoPage(outcome: DemoOutcome): Page {
  const { networks, classes, chance, interlace } = outcome
  const textures = outcome.data.ownVideos ? '' : ' with textures that are in no training or test clip'
  const newClip = `Drawn after the training was over${textures}. The bars are the probabilities that each network gives to the classes.`
  return {
    title: 'timeweave demo: order in time',
    eyebrow: 'timeweave demo',
    headline: headline(networks),
    lead: html`Each network was trained from random weights on the same clips, by this machine, for this page. ${outcome.verdict.sentence}`,
    summary: scoreBars(networks, chance),
    sections: [
      networksSection(networks, chance),
      dataSection(outcome),
      curvesSection(networks, chance),
      confusionSection(networks, classes),
      ...(interlace === null ? [] : [interlaceSection(interlace.modules, interlace.context)]),
      predictionSection(outcome.clip, outcome.answers, newClip),
      settingsSection(outcome.settings, networks),
    ],
    footer: html`Made by timeweave on ${outcome.date}. This file needs no network and no other file.`,
  }
}
