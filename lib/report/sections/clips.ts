//! What clips of a data set look like: single frames, film strips and the clips in motion.

import type { ClipPicture } from '../data.js'
import { caption } from '../figure.js'
import { html, type Markup } from '../html.js'
import { joinFrames, pngAddress } from '../png.js'

/** Style that makes a clip's frames available to the parts below it, as one picture that is stored once. */
function stripStyle({ frames }: ClipPicture): Markup {
  const first = frames[0]
  const ratio = first === undefined ? '1' : `${first.width}/${first.height}`
  return html`--strip:url(${pngAddress(joinFrames(frames))});--count:${frames.length};--ratio:${ratio}`
}

/** A clip playing beside its frames in order. */
export function filmStrip(clip: ClipPicture, title: string, note?: string): Markup {
  const cells = clip.frames.map(
    (_, at) =>
      html`<li>
        <div class="frame" style="--at:${at}"></div>
        <span>${at + 1}</span>
      </li>`,
  )
  return html`<figure>
    ${caption(title, note)}
    <div
      class="clip"
      style="${stripStyle(clip)}"
      role="img"
      aria-label="${`The ${clip.frames.length} frames of ${clip.file}, class ${clip.label}`}"
    >
      <div class="player"></div>
      <ol class="strip">
        ${cells}
      </ol>
    </div>
  </figure>`
}

/** One frame of each clip, without its name: what a network sees that looks at single frames. */
export function stills(clips: readonly ClipPicture[], at: number): Markup {
  return html`<div class="stills">
    ${clips.map(
      (clip, index) =>
        html`<div style="${stripStyle({ ...clip, frames: clip.frames.slice(at, at + 1) })}">
          <div class="frame" style="--at:0;background-position:0 0" role="img" aria-label="${`One frame of clip ${index + 1}`}"></div>
          <p>clip ${index + 1}</p>
        </div>`,
    )}
  </div>`
}
