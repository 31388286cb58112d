//! The HTML report: whole, self-contained, well-formed and safe against what users call their files and classes.
//!
//! These tests read the page as text; how it looks in a browser is checked by eye (CONTRIBUTING.md).

import { inflateSync } from 'node:zlib'

import test from 'ava'

import { demoPage } from '../lib/demo/page.js'
import { linePlot } from '../lib/report/charts.js'
import { escapeText, html, trusted } from '../lib/report/html.js'
import { count, duration, percent, signed } from '../lib/report/numbers.js'
import { renderPage } from '../lib/report/page.js'
import { encodePng, joinFrames } from '../lib/report/png.js'
import { exampleOutcome } from './report.example.js'

const VOID_ELEMENTS = new Set(['meta', 'link', 'br', 'img', 'hr', 'input'])

/** Names of elements that are opened and not closed, or closed and not open; quotes and nesting are followed. */
function unbalanced(markup: string): string[] {
  const open: string[] = []
  const wrong: string[] = []
  const tag =
    /<!--[\s\S]*?-->|<!doctype[^>]*>|<style>[\s\S]*?<\/style>|<(\/?)([a-zA-Z][\w:-]*)((?:\s+[\w:-]+(?:\s*=\s*"[^"<]*")?)*)\s*(\/?)>|<[^>]{0,40}/g
  for (const [text, closing, name, , selfClosing] of markup.matchAll(tag)) {
    if (text.startsWith('<!') || text.startsWith('<style>')) continue
    if (name === undefined) wrong.push(text)
    else if (closing === '/') {
      if (open.pop() !== name) wrong.push(text)
    } else if (selfClosing !== '/' && !VOID_ELEMENTS.has(name)) open.push(name)
  }
  return [...wrong, ...open]
}

function svgs(page: string): string[] {
  return page.match(/<svg [\s\S]*?<\/svg\s*>/g) ?? []
}

test('the page has every section of the demonstration, each with a heading and a link to it', (t) => {
  const page = renderPage(demoPage(exampleOutcome()))
  for (const id of ['networks', 'data', 'curves', 'confusion', 'interlace', 'prediction', 'settings']) {
    t.true(page.includes(`<section id="${id}" aria-labelledby="${id}-title">`), id)
    t.true(page.includes(`<a href="#${id}">`), id)
    t.true(page.includes(`<h2 id="${id}-title">`), id)
  }
  t.regex(page, /^<!doctype html>\s+<html lang="en">/)
  t.true(page.includes('Frame by frame: 26\u00a0% right. With time: 93 to 98\u00a0%.'))
  t.true(page.includes('npx timeweave demo --seed 7'))
  t.true(page.includes('prefers-color-scheme: dark'))
})

test('the page loads nothing: no address but namespaces, fragments and data', (t) => {
  const page = renderPage(demoPage(exampleOutcome()))
  t.deepEqual(
    [...page.matchAll(/\b(?:https?|ftp|file):\/\/[^\s"')]+/g)]
      .map(([text]) => text)
      .filter((text) => !text.startsWith('http://www.w3.org/')),
    [],
  )
  t.deepEqual(
    [...page.matchAll(/\b(?:src|href|srcset|action)="([^"#]*)"/g)]
      .map(([, address]) => address)
      .filter((address) => !address?.startsWith('data:')),
    [],
  )
  t.deepEqual(
    [...page.matchAll(/url\(([^)]{0,14})/g)].map(([, address]) => address).filter((address) => !/^(data:image\/png|#)/.test(address ?? '')),
    [],
  )
  t.notRegex(page, /<script|@import|<iframe|<object|\son[a-z]+=/)
})

test('elements of the page and of every plot are closed in order, and every plot has a description', (t) => {
  const page = renderPage(demoPage(exampleOutcome()))
  t.deepEqual(unbalanced(page), [])
  const plots = svgs(page).filter((svg) => svg.startsWith('<svg role="img"'))
  // 2 overviews, 4 networks x 2 curves, 4 matrices, 2 offset plots, 2 weight plots.
  t.is(plots.length, 18)
  for (const plot of plots) {
    t.deepEqual(unbalanced(plot), [])
    t.regex(plot, /^<svg role="img" aria-label="[^"]{20,}" xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+">/)
    t.notRegex(plot, /NaN|undefined|Infinity/)
  }
  const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
  t.is(new Set(ids).size, ids.length)
  t.is(page.match(/<table>/g)?.length, page.match(/<table>\s*<caption>\s*[^<\s]/g)?.length)
})

test('the well-formedness check of this file finds what is broken', (t) => {
  t.deepEqual(unbalanced('<p>a<b>c</b></p>'), [])
  t.deepEqual(unbalanced('<p><b></p>').length > 0, true)
  t.deepEqual(unbalanced('<p title="a<b">x</p>').length > 0, true)
})

test('names of classes, files and networks stay text', (t) => {
  const evil = '<script>alert("1")</script>&\''
  const example = exampleOutcome()
  const page = renderPage(
    demoPage({
      ...example,
      classes: [evil, 'right', 'up', 'down'],
      clip: { ...example.clip, label: evil, file: evil },
      examples: example.examples.map((clip) => ({ ...clip, label: evil, file: evil })),
      networks: example.networks.map((network) => ({ ...network, name: evil, config: evil })),
      settings: { command: evil, values: [[evil, evil]] },
    }),
  )
  t.false(page.includes('<script'))
  t.false(page.includes('alert("1")'))
  t.true(page.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;'))
  t.deepEqual(unbalanced(page), [])
})

test('a report without TIN has no section about it, and a network without confusions no matrix', (t) => {
  const example = exampleOutcome()
  const page = renderPage(
    demoPage({ ...example, interlace: null, networks: example.networks.map((network) => ({ ...network, confusion: null })) }),
  )
  t.false(page.includes('id="interlace"'))
  t.is(svgs(page).filter((svg) => svg.includes('Confusion matrix')).length, 0)
})

test('the learned values that the page prints are the ones it was given', (t) => {
  const page = renderPage(demoPage(exampleOutcome()))
  t.true(page.includes('<td class="right">+0.610</td>'))
  t.true(page.includes('<td class="right">\u22120.030</td>'))
  t.true(page.includes('<strong>96.3\u00a0%</strong>'))
  t.true(page.includes('mistaken: says left'))
  t.is(page.match(/correct: says up/g)?.length, 3)
})

test('epochs without validation leave a gap in the line, not a zero', (t) => {
  const example = exampleOutcome()
  const networks = example.networks.map((network) => ({
    ...network,
    history: network.history.map((epoch, at) => (at === 1 ? { ...epoch, val: null } : epoch)),
  }))
  t.notRegex(renderPage(demoPage({ ...example, networks })), /NaN/)
})

test('a plot draws the same text again and keeps colours that depend on the page', (t) => {
  const plot = {
    width: 400,
    height: 200,
    description: 'a & "b" <c>',
    lines: [{ name: 'x', color: 'var(--series-1)', symbol: 'circle' as const, points: [[1, 0.5] as const, [2, 0.75] as const] }],
    x: 'epoch',
    y: { name: 'top-1', format: 'percent' as const, max: 1 },
    reference: { value: 0.25, label: 'chance' },
  }
  const svg = linePlot(plot)
  t.is(linePlot(plot), svg)
  t.notRegex(svg, / id=|url\(/)
  t.true(svg.includes('aria-label="a &amp; &quot;b&quot; &lt;c>"'))
  t.true(svg.includes('var(--series-1)'))
  t.true(svg.includes('>chance</text>'))
  t.true(svg.includes('>100 %</text>'))
})

test('templates escape text, join lists, drop nothings and keep markup', (t) => {
  t.is(
    html`<p title="${'"<'}">${['a&b', html`<i>${'>'}</i>`]}${null}${undefined}${false}${0}${trusted('<br>')}</p>`.text,
    '<p title="&quot;&lt;">a&amp;b<i>&gt;</i>0<br></p>',
  )
  t.is(escapeText(`<>&"'`), '&lt;&gt;&amp;&quot;&#39;')
})

test('figures are written in one way', (t) => {
  t.is(percent(0.9537), '95.4\u00a0%')
  t.is(percent(0.25, 0), '25\u00a0%')
  t.is(duration(9.44), '9.4\u00a0s')
  t.is(duration(59.7), '1\u00a0min 00\u00a0s')
  t.is(duration(125), '2\u00a0min 05\u00a0s')
  t.is(count(11_178_564), '11.18\u00a0M')
  t.is(count(340_000_000), '340\u00a0M')
  t.is(count(12), '12')
  t.is(signed(-0.5), '\u22120.50')
  t.is(signed(0.001), '0.00')
  t.is(signed(1.234, 1), '+1.2')
})

test('a PNG holds exactly the pixels it was given', (t) => {
  const data = Uint8Array.from({ length: 5 * 3 * 3 }, (_, at) => (at * 37 + (at % 7) * 11) % 256)
  const png = Buffer.from(encodePng({ width: 5, height: 3, data }))
  t.deepEqual([...png.subarray(1, 4)], [...Buffer.from('PNG')])
  t.is(png.readUInt32BE(16), 5)
  t.is(png.readUInt32BE(20), 3)
  const length = png.readUInt32BE(33)
  t.is(png.toString('latin1', 37, 41), 'IDAT')
  const rows = inflateSync(png.subarray(41, 41 + length))
  const pixels: number[] = []
  for (let y = 0; y < 3; y++) {
    t.is(rows[y * 16], 4)
    for (let x = 0; x < 15; x++) {
      const at = (dx: number, dy: number): number => (x + dx < 0 || y + dy < 0 ? 0 : (pixels[(y + dy) * 15 + x + dx] ?? 0))
      const [a, b, c] = [at(-3, 0), at(0, -1), at(-3, -1)]
      const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)]
      pixels.push(((rows[y * 16 + 1 + x] ?? 0) + (pa <= pb && pa <= pc ? a : pb <= pc ? b : c)) & 255)
    }
  }
  t.deepEqual(pixels, [...data])
})

test('pictures of a wrong size are refused with what was expected', (t) => {
  t.throws(() => encodePng({ width: 2, height: 2, data: new Uint8Array(11) }), {
    message: /expected 12 bytes for a 2x2 picture but received 11/,
  })
  t.throws(() => joinFrames([]), { message: /at least one frame/ })
  const frame = (width: number) => ({ width, height: 1, data: new Uint8Array(width * 3) })
  t.throws(() => joinFrames([frame(2), frame(3)]), { message: /expected frames of 2x1 but received 3x1/ })
  t.deepEqual(
    [
      ...joinFrames([
        { width: 1, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
        { width: 1, height: 2, data: Uint8Array.of(7, 8, 9, 10, 11, 12) },
      ]).data,
    ],
    [1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12],
  )
})
