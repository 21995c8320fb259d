import type { FolderScan } from '#application/use-cases/scan-folder';
import type { ScannedRow } from '#application/scan/scanned-chains';
import { inUnits } from './bytes-argument.js';
import { printable } from './printable.js';
import { isBroken, rowsOf } from './scan-summary.js';
import { shownPath } from './scan-text.js';

/** Graphviz: an arrow from each child to its parent; a dashed one where a broken link leads. Red is broken, orange is worth a look. */
export const scanDot = (scan: FolderScan): readonly string[] => {
  const rows = rowsOf(scan);
  const names = new Map(rows.map(({ image }, index) => [image.path, `image${index}`]));
  const nodes = rows.map((row) => `  ${names.get(row.image.path)!} [${attributesOf(row, scan.folder)}];`);
  const edges = rows.flatMap((row) => edgesOf(row, names));
  return ['digraph chainfold {', '  rankdir=BT;', '  node [shape=box];', ...nodes, ...edges, '}'];
};

const attributesOf = (row: ScannedRow, folder: string): string => {
  const { image, troubles } = row;
  const kind = `${image.format?.toUpperCase() ?? 'damaged'}${image.type === null ? '' : ` ${image.type}`}`;
  const lines = [
    shownPath(image, folder),
    `${kind}, ${inUnits(image.file.sizeBytes)}`,
    ...troubles.map(({ kind: trouble }) => trouble),
  ];
  const colour = isBroken(row) ? 'red' : troubles.length > 0 ? 'orange' : 'black';
  return `label=${quoted(lines)}, color=${colour}`;
};

const edgesOf = ({ image, parent, troubles }: ScannedRow, names: ReadonlyMap<string, string>): readonly string[] => {
  const own = names.get(image.path)!;
  if (parent !== null) return [`  ${own} -> ${names.get(parent)!};`];
  return troubles
    .filter(({ kind }) => kind === 'broken-link')
    .flatMap(({ related }) => {
      const other = names.get(related[0] ?? '');
      return other === undefined ? [] : [`  ${own} -> ${other} [style=dashed, color=red];`];
    });
};

/** In a label of Graphviz a backslash begins an escape, `\n` is a new line, and `&…;` is a character as in HTML. */
const quoted = (lines: readonly string[]): string =>
  `"${lines.map((line) => printable(line).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;')).join('\\n')}"`;
