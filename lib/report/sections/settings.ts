//! All that is needed to repeat a run: command, seeds, versions and the resolved configurations.

import type { NetworkResult } from '../data.js'
import { table } from '../figure.js'
import { type Content, html } from '../html.js'
import type { Section } from '../page.js'

/** What a run was made with. */
export interface RunSettings {
  /** The command that repeats the run. */
  readonly command: string
  /** Names and values, such as seeds, sizes and versions. */
  readonly values: readonly (readonly [name: string, value: Content])[]
}

/** Settings and configurations. */
export function settingsSection({ command, values }: RunSettings, networks: readonly NetworkResult[]): Section {
  return {
    id: 'settings',
    title: 'Repeat it',
    short: 'Settings',
    body: html`<p>This command does the same again:</p>
      <pre tabindex="0"><code>${command}</code></pre>
      <div class="grid">
        <div class="panel">
          ${table({
            caption: 'What the figures on this page were made with',
            columns: [{ title: 'Setting' }, { title: 'Value' }],
            rows: values.map(([name, value]) => [name, value]),
          })}
        </div>
      </div>
      ${networks.map(
        ({ name, config }) =>
          html`<details>
            <summary>Configuration of ${name}</summary>
            <pre tabindex="0"><code>${config}</code></pre>
          </details>`,
      )}`,
  }
}
