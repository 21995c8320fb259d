/** One column of text, hairlines instead of boxes, colour only where a word says the same. No font is fetched. */
export const STYLES = `
:root { color-scheme: light dark; --ink: #1b1d1f; --soft: #5a6067; --line: #d9dce0; --paper: #fff; --good: #17653a; --bad: #a3201b; --data: #1f5a96; --band: #e9ecf0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --soft: #a0a7ae; --line: #34393e; --paper: #131516; --good: #6fc596; --bad: #ff948d; --data: #7db4ec; --band: #24282c; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, footer { max-width: 50rem; margin: 0 auto; padding: 0 1.25rem; }
main { padding-top: 3rem; }
footer { padding-bottom: 4rem; }
p { margin: 0 0 .75rem; }
.kicker { margin: 0 0 .25rem; color: var(--soft); font-size: .875rem; }
h1 { margin: 0 0 1.25rem; font-size: 1.75rem; line-height: 1.25; font-weight: 600; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 .75rem; font-size: 1.125rem; line-height: 1.35; font-weight: 600; }
h3 { margin: 1.75rem 0 .5rem; font-size: .9375rem; font-weight: 600; }
.verdict { margin: 0 0 1rem; padding: .125rem 0 .125rem 1rem; border-left: 4px solid var(--good); }
.verdict.bad { border-left-color: var(--bad); }
.verdict p { margin: 0 0 .25rem; overflow-wrap: anywhere; }
.verdict p:last-child { margin-bottom: 0; }
.verdict strong { font-size: 1.125rem; font-weight: 600; color: var(--good); }
.verdict.bad strong { color: var(--bad); }
.lead { margin-bottom: 1.5rem; overflow-wrap: anywhere; }
.soft, figcaption { color: var(--soft); }
dl { margin: 0; border-top: 1px solid var(--line); }
dl div { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 0 1rem; padding: .4rem 0; border-bottom: 1px solid var(--line); font-size: .9375rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
code { font: .875em/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; line-height: 1.45; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: break-word; }
th { color: var(--soft); font-weight: 400; white-space: nowrap; border-bottom-color: var(--soft); }
th:last-child, td:last-child { padding-right: 0; }
.n { text-align: right; white-space: nowrap; }
.half { width: 50%; }
td.line { white-space: nowrap; }
td:nth-child(5) { min-width: 8.5rem; }
.sub { display: block; color: var(--soft); }
time { white-space: nowrap; }
figure { margin: 0; }
figcaption { margin-top: .5rem; font-size: .8125rem; line-height: 1.5; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11.5px/1 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; font-variant-numeric: tabular-nums; fill: var(--soft); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; fill: none; }
svg .line { stroke: var(--data); stroke-width: 2; fill: none; stroke-linejoin: round; stroke-linecap: square; }
svg .run { fill: var(--band); stroke: var(--soft); stroke-width: .75; }
svg .drop { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; fill: none; }
svg .mark { stroke: var(--ink); stroke-width: 1.75; fill: none; }
svg .solid { fill: var(--ink); stroke: none; }
svg .hatch { stroke: var(--ink); stroke-width: 1; opacity: .55; }
.narrow { display: none; }
button { margin: .25rem 0 .75rem; padding: .5rem 1rem; border: 1px solid var(--ink); border-radius: 4px; background: var(--paper); color: var(--ink); font: inherit; cursor: pointer; }
button:focus-visible { outline: 2px solid var(--data); outline-offset: 2px; }
button:disabled { color: var(--soft); border-color: var(--soft); cursor: default; }
#result { margin-bottom: 1rem; font-size: .9375rem; overflow-wrap: anywhere; }
#result p { margin: 0 0 .25rem; padding-left: 5.5rem; text-indent: -5.5rem; }
#result b { display: inline-block; width: 5.5rem; text-indent: 0; font-weight: 600; }
#result .good b, #result .good strong { color: var(--good); }
#result .bad b, #result .bad strong { color: var(--bad); }
@media (max-width: 600px) {
  main, footer { padding-left: 1rem; padding-right: 1rem; }
  main { padding-top: 1.5rem; }
  h1 { font-size: 1.375rem; }
  h2 { margin-top: 2.25rem; }
  dl div { display: block; }
  .wide { display: none; }
  .narrow { display: block; }
  table, tbody, tr, td { display: block; width: auto; }
  thead { display: none; }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  tbody { border-top: 1px solid var(--line); }
  td:nth-child(5) { min-width: 0; }
  td, td:last-child, .n { position: relative; padding: .1rem 0 .1rem 7.25rem; border: 0; text-align: left; white-space: normal; }
  td::before { content: attr(data-label); position: absolute; left: 0; width: 7rem; color: var(--soft); }
  td[data-label=""] { padding-left: 0; color: var(--soft); }
  time { white-space: normal; }
}
@media print {
  @page { size: A4; margin: 18mm 16mm; }
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --good: #000; --bad: #000; --data: #000; --band: #e6e6e6; }
  html { font-size: 9.5pt; }
  main, footer { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  h2 { margin-top: 1.75rem; }
  tr, dl div, figure, .verdict { break-inside: avoid; }
  thead { display: table-header-group; }
  button, #result, .screen { display: none; }
}
`;
