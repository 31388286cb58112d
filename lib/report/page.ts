//! A report as one HTML file that needs nothing beside it: no network, no font, no script.

import { type Content, html, trusted } from './html.js'
import { STYLE } from './style.js'

/** A part of a report with its own heading and its own entry in the page's navigation. */
export interface Section {
  /** Name for links inside the page. */
  readonly id: string
  /** Heading. */
  readonly title: string
  /** Shorter heading for the navigation. @default title */
  readonly short?: string
  readonly body: Content
}

/** What a report says, from top to bottom. */
export interface Page {
  /** Title of the browser's tab. */
  readonly title: string
  /** Small line above the headline: what kind of report this is. */
  readonly eyebrow: string
  /** The result in one sentence. */
  readonly headline: string
  /** One paragraph that says what was done. */
  readonly lead: Content
  /** What stands below the lead, such as the main figures. */
  readonly summary?: Content
  readonly sections: readonly Section[]
  readonly footer: Content
}

/** The whole HTML document. */
export function renderPage(page: Page): string {
  const links = page.sections.map(({ id, title, short }) => html`<li><a href="#${id}">${short ?? title}</a></li>`)
  const sections = page.sections.map(
    ({ id, title, body }) =>
      html`<section id="${id}" aria-labelledby="${id}-title">
        <h2 id="${id}-title">${title}</h2>
        ${body}
      </section> `,
  )
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="timeweave" />
        <title>${page.title}</title>
        <link rel="icon" href="data:," />
        <style>
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <header class="wrap">
          <p class="eyebrow">${page.eyebrow}</p>
          <h1>${page.headline}</h1>
          <p class="lead">${page.lead}</p>
          ${page.summary}
        </header>
        <nav aria-label="Sections">
          <div class="wrap">
            <ul>
              ${links}
            </ul>
          </div>
        </nav>
        <main class="wrap">${sections}</main>
        <footer><div class="wrap">${page.footer}</div></footer>
      </body>
    </html> `.text
}
