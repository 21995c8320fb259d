import type { FolderScan } from '#application/use-cases/scan-folder';
import type { ScannedImage } from '#application/scan/examine-image';
import type { Leftover } from '#application/scan/leftovers';
import type { ScannedRow } from '#application/scan/scanned-chains';
import { counted, inUnits } from './bytes-argument.js';
import { commandText } from './ending-text.js';
import { printable } from './printable.js';
import { rowsOf, summaryOf, summaryText } from './scan-summary.js';
import { table } from './tables.js';

export interface TextOptions {
  readonly quiet: boolean;
  readonly nowMs: number;
  /** As the person named it. */
  readonly journal: string | undefined;
}

/** `quiet`: what is wrong and the last line. */
export const scanText = (scan: FolderScan, options: TextOptions): readonly string[] => {
  const hidden = scan.passedOver.filter(({ hides }) => hides);
  return [
    ...(options.quiet ? brokenText(scan) : treesText(scan, options.nowMs)),
    ...scan.leftovers.map((left) => leftoverText(left, scan.folder, options.nowMs)),
    ...scan.jobs.map(({ jobId, state, source, destination, lastEventAt }) => {
      const what = `${printable(source)} into ${printable(destination)}`;
      const next = state === 'running' ? 'watch' : 'resume';
      return `job ${jobId}: ${state}, last event ${ageText(options.nowMs - lastEventAt)} ago, ${what}; ${commandText(next, jobId, options.journal)}`;
    }),
    ...hidden.map(({ path, why }) => `not looked at: ${printable(relativeTo(path, scan.folder))}: ${printable(why)}`),
    summaryText(summaryOf(scan)),
  ];
};

const leftoverText = (
  { kind, path, jobId, isConfirmed, sizeBytes, mtimeMs }: Leftover,
  folder: string,
  now: number,
) => {
  const name = printable(relativeTo(path, folder));
  const facts = `${inUnits(sizeBytes)}, ${ageText(now - mtimeMs)}`;
  switch (kind) {
    case 'being-made':
      return `being made: ${name}: by a running chainfold, ${facts}`;
    case 'unfinished':
      return `leftover: ${name}: a file that was not finished${isConfirmed ? '' : ', or may be being made by a running chainfold'}, ${facts}`;
    case 'quarantine':
      return `leftover: ${name}: merged by job ${jobId ?? 'unknown'}, in quarantine${isConfirmed ? '' : ', says its name'}, ${facts}`;
  }
};

const brokenText = (scan: FolderScan): readonly string[] =>
  rowsOf(scan).flatMap(({ image, troubles }) =>
    troubles.map(
      ({ severity, message }) => `${severity}: ${printable(shownPath(image, scan.folder))}: ${printable(message)}`,
    ),
  );

const treesText = (scan: FolderScan, nowMs: number): readonly string[] => {
  if (scan.chains.length === 0) return [];
  const entries = scan.chains.flatMap(({ rows, sizeBytes }) => {
    const stems = stemsOf(rows);
    return rows.map((row, index) => ({
      row,
      stem: stems[index]!,
      chain: index === 0 && rows.length > 1 ? `chain of ${counted(rows.length, 'image')}, ${inUnits(sizeBytes)}` : '',
    }));
  });
  const [heading, ...lines] = table([
    ['IMAGE', 'TYPE', 'DISK', 'FILE', 'ON DISK', 'AGE', ''],
    ...entries.map(({ row: { image }, stem, chain }) => [
      `${stem.own}${shownPath(image, scan.folder)}`,
      `${image.format?.toUpperCase() ?? 'damaged'}${image.type === null ? '' : ` ${image.type}`}`,
      image.virtualSizeBytes === null ? '-' : inUnits(image.virtualSizeBytes),
      inUnits(image.file.sizeBytes),
      image.allocatedBytes === null ? '-' : inUnits(image.allocatedBytes),
      ageText(nowMs - image.mtimeMs),
      chain,
    ]),
  ]);
  const shown = entries.flatMap(({ row, stem }, index) => [
    lines[index]!.trimEnd(),
    ...row.troubles.map(({ severity, message }) => `${stem.below}    ${severity}: ${printable(message)}`),
  ]);
  return [heading!.trimEnd(), ...shown];
};

/** Beyond this the lines of a tree say only how deep they are. */
const DEEPEST_DRAWN = 24;

interface Stem {
  readonly own: string;
  /** For lines about the image, below its own. */
  readonly below: string;
}

const stemsOf = (rows: readonly ScannedRow[]): readonly Stem[] => {
  const lasts: boolean[] = [];
  return rows.map(({ depth, isLast }) => {
    lasts.length = depth;
    lasts.push(isLast);
    if (depth === 0) return { own: '', below: '' };
    if (depth > DEEPEST_DRAWN) return { own: `[${depth}] `, below: '' };
    const before = lasts
      .slice(1, depth)
      .map((last) => (last ? '   ' : '│  '))
      .join('');
    return { own: `${before}${isLast ? '└─ ' : '├─ '}`, below: `${before}${isLast ? '   ' : '│  '}` };
  });
};

export const shownPath = ({ path, isOutside }: ScannedImage, folder: string): string =>
  isOutside ? path : relativeTo(path, folder);

const relativeTo = (path: string, folder: string): string =>
  path === folder ? '.' : path.startsWith(folder) ? path.slice(folder.length).replace(/^[\\/]/, '') : path;

/** `3 d`: in the largest unit of which there is one. */
export const ageText = (milliseconds: number): string => {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [size, unit] = ([
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ].find(([unitSeconds]) => seconds >= Number(unitSeconds)) ?? [1, 's']) as [number, string];
  return `${Math.floor(seconds / size)} ${unit}`;
};
