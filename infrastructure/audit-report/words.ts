import { inTime, inUnits } from '../cli/bytes-argument.js';
import { markup, text, type Html } from './html.js';
import { isDate } from './time-scale.js';

/** `2026-03-01 09:05:07.123 UTC` */
export const moment = (at: number): Html => timeElement(at, ' UTC');

/** The same for a table that names the zone at the head of its column. */
export const momentInTable = (at: number): Html => timeElement(at, '');

/** The clock of a journal is anybody's: a number that is no time is shown as the number it is. */
const timeElement = (at: number, zone: string): Html => {
  if (!isDate(at)) return text(Number.isNaN(at) ? 'no time' : `no time (${String(at)})`);
  const iso = new Date(at).toISOString();
  return markup`<time datetime="${text(iso)}">${text(`${iso.slice(0, 10)} ${iso.slice(11, 23)}${zone}`)}</time>`;
};

/** `3.2 s`; a clock that was set back makes no time negative. */
export const duration = (milliseconds: number): string => inTime(Math.max(0, milliseconds));

/** `1,234` */
export const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

/** `64 MiB (67,108,864 bytes)` */
export const exactSize = (bytes: number): string =>
  bytes < 1024 ? `${grouped(bytes)} bytes` : `${inUnits(bytes)} (${grouped(bytes)} bytes)`;

export const plural = (count: number, noun: string): string => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** The last part of a path, for headings; the whole path stands elsewhere. */
export const nameIn = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path;

export const code = (value: string): Html => markup`<code>${text(value)}</code>`;

/** Rows of a name and what it is. Null: the row is left out. */
export const facts = (rows: readonly (readonly [string, Html] | null)[]): Html =>
  markup`<dl>
    ${rows.map((row) =>
      row === null
        ? null
        : markup`<div>
            <dt>${text(row[0])}</dt>
            <dd>${row[1]}</dd>
          </div> `,
    )}
  </dl>`;

export interface Column {
  readonly name: string;
  readonly kind?: 'number' | 'one line' | 'half the width';
}

/** On a narrow screen each row becomes a block in which every cell is named. */
export const table = (columns: readonly Column[], rows: readonly (readonly Html[])[]): Html => markup`<table>
<thead><tr>${columns.map(heading)}</tr></thead>
<tbody>
${rows.map((cells) => row(columns, cells))}</tbody>
</table>`;

const heading = ({ name, kind }: Column): Html => markup`<th scope="col"${classOf(kind)}>${text(name)}</th>`;

const row = (columns: readonly Column[], cells: readonly Html[]): Html => markup`<tr>${cells.map((cell, index) => {
  const column = columns[index];
  return markup`<td data-label="${text(column?.name ?? '')}"${classOf(column?.kind)}>${cell}</td>`;
})}</tr>
`;

const classOf = (kind: Column['kind']): Html | null => (kind === undefined ? null : CLASSES[kind]);

const CLASSES: Readonly<Record<NonNullable<Column['kind']>, Html>> = {
  number: markup` class="n"`,
  'one line': markup` class="line"`,
  'half the width': markup` class="half"`,
};
