//! The page's one style sheet: type, colours for light and dark, and the parts that sections use.

/** Colours that sections give to networks, in order; told apart by lightness as well as by hue. */
export const SERIES_COLORS = ['var(--series-1)', 'var(--series-2)', 'var(--series-3)', 'var(--series-4)'] as const

const COLORS = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --panel: #ffffff; --ink: #1c1d21; --muted: #5f636d; --rule: #dcdad3; --cell: #f1efe9;
  --accent: #1f5fbf; --on-strong: #ffffff; --good: #17734f; --bad: #b3261e;
  --series-1: #7b7f89; --series-2: #1f6fd6; --series-3: #c2570c; --series-4: #0d7d63;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121317; --panel: #1a1c22; --ink: #eceae4; --muted: #a3a6af; --rule: #32353d; --cell: #24272e;
    --accent: #86b4ff; --on-strong: #0e1014; --good: #63cfa0; --bad: #ff8f85;
    --series-1: #9a9eaa; --series-2: #6fabff; --series-3: #ff9d57; --series-4: #4fd1ad;
  }
}`

const TYPE = `
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
.wrap { max-width: 1080px; margin: 0 auto; padding-inline: clamp(16px, 4vw, 40px); }
h1, h2, h3 { line-height: 1.18; text-wrap: balance; margin: 0; }
h1 { font: 600 clamp(1.75rem, 4.6vw, 2.9rem)/1.14 "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif; letter-spacing: -0.012em; max-width: 24ch; }
h2 { font: 600 clamp(1.4rem, 3vw, 1.8rem)/1.2 "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif; }
h3 { font-size: 1rem; font-weight: 650; }
p { margin: 0.75em 0 0; max-width: 68ch; text-wrap: pretty; }
a { color: var(--accent); text-underline-offset: 0.18em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; font-size: 0.86em; }
code { overflow-wrap: anywhere; }
small, .note { font-size: 0.86rem; color: var(--muted); }
.number { font-variant-numeric: tabular-nums; }`

const LAYOUT = `
header { padding-block: clamp(36px, 7vw, 76px) clamp(24px, 4vw, 40px); }
.eyebrow { margin: 0 0 0.9em; font-size: 0.8rem; font-weight: 600; letter-spacing: 0.09em; text-transform: uppercase; color: var(--muted); }
.lead { font-size: clamp(1.02rem, 1.6vw, 1.16rem); color: var(--muted); max-width: 62ch; margin-top: 1.1em; }
nav { position: sticky; top: 0; z-index: 2; background: color-mix(in srgb, var(--paper) 92%, transparent); border-block: 1px solid var(--rule); backdrop-filter: blur(6px); }
nav ul { display: flex; gap: 1.5em; margin: 0; padding: 0.65em 0; list-style: none; overflow-x: auto; white-space: nowrap; font-size: 0.9rem; scrollbar-width: none; }
nav a { color: var(--muted); text-decoration: none; }
nav a:hover { color: var(--ink); text-decoration: underline; }
section { padding: clamp(34px, 5vw, 58px) 0 0; scroll-margin-top: 36px; }
section > h3, .stack > h3 { margin-top: 2em; }
.grid { display: grid; gap: 20px; grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--column, 400px)), 1fr)); margin-top: 1.4em; }
.grid > * { min-width: 0; }
figure .grid { margin-top: 0.2em; }
.panel, figure { margin: 0; background: var(--panel); border: 1px solid var(--rule); border-radius: 10px; padding: 16px 18px; }
figure.alone { margin-top: 1.4em; }
figure > figcaption { margin-bottom: 0.6em; }
figcaption .note { display: block; }
figure svg { display: block; width: 100%; height: auto; max-width: var(--natural); margin-inline: auto; overflow: visible; }
.narrow { display: none !important; }
footer { margin-top: clamp(40px, 6vw, 72px); padding: 22px 0 44px; border-top: 1px solid var(--rule); color: var(--muted); font-size: 0.86rem; }
@media (max-width: 640px) {
  body { font-size: 16px; }
  .wide { display: none !important; }
  .narrow { display: block !important; }
  .panel, figure { padding: 14px 12px; }
}`

const PARTS = `
.legend { display: flex; flex-wrap: wrap; gap: 0.25em 1.2em; margin: 0; padding: 0; list-style: none; font-size: 0.88rem; color: var(--muted); }
.legend li { display: flex; align-items: center; gap: 0.45em; }
.legend svg { width: 26px; height: 12px; flex: none; margin: 0; max-width: none; }
.bars { margin: 1.8em 0 0; padding: 0; list-style: none; display: grid; grid-template-columns: max-content 1fr max-content; gap: 12px 16px; max-width: 780px; }
.bars li { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; align-items: center; }
.bars .track { position: relative; height: 18px; border-radius: 5px; background: var(--cell); }
.bars .fill { position: absolute; inset: 0 auto 0 0; border-radius: 5px; background: var(--color, var(--accent)); min-width: 3px; }
.bars .mark { position: absolute; top: -4px; bottom: -4px; border-left: 2px dotted var(--ink); opacity: 0.65; }
.bars .value { text-align: right; font-weight: 650; white-space: nowrap; }
.bars.small { max-width: none; margin-top: 0.7em; gap: 7px 10px; font-size: 0.92rem; }
.bars.small .track { height: 12px; }
.bars.small .value { font-weight: 500; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.94rem; }
caption { text-align: left; color: var(--muted); font-size: 0.86rem; padding-bottom: 0.7em; max-width: min(100%, calc(100vw - 60px)); }
th, td { text-align: left; padding: 0.5em 1.1em 0.5em 0; vertical-align: baseline; border-bottom: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: 0.8rem; font-weight: 600; color: var(--muted); }
tbody th { font-weight: 600; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.chip { display: inline-block; width: 0.72em; height: 0.72em; border-radius: 3px; background: var(--color); margin-right: 0.55em; }
.good { color: var(--good); } .bad { color: var(--bad); }
details { margin-top: 0.8em; font-size: 0.9rem; }
summary { cursor: pointer; color: var(--accent); }
pre { margin: 0.7em 0 0; padding: 12px 14px; background: var(--cell); border-radius: 8px; overflow-x: auto; line-height: 1.5; }
.clip { display: grid; grid-template-columns: 132px 1fr; gap: 18px; align-items: center; }
.frame, .player { background-image: var(--strip); background-size: calc(var(--count) * 100%) 100%; image-rendering: pixelated; aspect-ratio: var(--ratio, 1); border-radius: 4px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.frame { background-position: calc(var(--at) / (var(--count) - 1) * 100%) 0; }
.player { border-radius: 8px; animation: play calc(var(--count) * 160ms) steps(var(--count), jump-none) infinite; }
@keyframes play { from { background-position: 0 0; } to { background-position: 100% 0; } }
.strip { display: grid; grid-template-columns: repeat(var(--count), 1fr); gap: 4px; margin: 0; padding: 0; list-style: none; }
.strip span { display: block; text-align: center; font-size: 0.72rem; color: var(--muted); font-variant-numeric: tabular-nums; line-height: 1.5; }
.stills { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(42%, 150px), 1fr)); margin-top: 1em; }
.stills p { text-align: center; font-size: 0.88rem; color: var(--muted); margin-top: 0.4em; }
@media (max-width: 640px) {
  .clip { grid-template-columns: 92px 1fr; gap: 14px; }
  .strip { grid-template-columns: repeat(4, 1fr); }
  .bars:not(.small) { grid-template-columns: 1fr max-content; }
  .bars:not(.small) li { row-gap: 3px; }
  .bars:not(.small) .track { grid-row: 2; grid-column: 1 / -1; }
}
@media (prefers-reduced-motion: reduce) { .player { animation: none; } html { scroll-behavior: auto; } }
@media print { nav { display: none; } figure, .panel { break-inside: avoid; } body { font-size: 11pt; } }`

/** CSS of a report page. */
export const STYLE: string = [COLORS, TYPE, LAYOUT, PARTS].join('\n').trim()
