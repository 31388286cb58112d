//! Markup as values: whatever is put into a template is escaped, unless it is markup itself.

/** A piece of HTML that is safe to print as it stands. */
export class Markup {
  /** @param text HTML source */
  constructor(readonly text: string) {}

  toString(): string {
    return this.text
  }
}

/** What a template takes: text is escaped, lists are joined, nothing is printed for `null`, `undefined` and `false`. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[]

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text that stays text inside an element or a quoted attribute. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

function print(content: Content): string {
  if (content === null || content === undefined || content === false) return ''
  if (content instanceof Markup) return content.text
  if (typeof content === 'string' || typeof content === 'number') return escapeText(String(content))
  return content.map(print).join('')
}

/** Tag of a template literal that gives markup. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, index) => part + print(values[index])).join(''))
}

/** Marks text that this package made itself (a style sheet, a plot) as markup. */
export function trusted(text: string): Markup {
  return new Markup(text)
}
