/**
 * What is wrong with the structure of a VHDX, as a list. FORMATS.md Part E (VHDX), with B2-B8. It judges the file as it is with its log
 * applied, and says besides that there is a log to be applied.
 */
import type { ByteSource } from './byte-source.js';
import { checkBat } from './plain-vhdx-check-bat.js';
import { checkItems, checkLocator, checkRegions } from './plain-vhdx-check-tables.js';
import { HEADERS_AT, MIB, NIL_GUID } from './plain-vhdx-layout.js';
import { openPlainVhdx, type PlainVhdx } from './plain-vhdx-reader.js';
import { targetFlaw } from './plain-vhdx-replay.js';

export type VhdxComplaintKind =
  | 'unreadable' // No header, log, region table, metadata or BAT to go by: nothing else can be said.
  | 'header damaged'
  | 'headers disagree'
  | 'dirty log'
  | 'log misplaced'
  | 'log target'
  | 'region table damaged'
  | 'region tables differ'
  | 'region misplaced'
  | 'unknown required region'
  | 'metadata table'
  | 'unknown required item'
  | 'incomplete file'
  | 'parent locator'
  | 'no identity'
  | 'reserved bits'
  | 'block state'
  | 'offset without a place'
  | 'entry out of range'
  | 'overlap'
  | 'bitmap missing'
  | 'bitmap in a base'
  | 'fixed block without a place'
  | 'BAT padding'
  | 'file size';

export type VhdxComplaint = { readonly kind: VhdxComplaintKind; readonly detail: string };

/** Complaints that a reader can live with: the image is whole, though not all of it is as it should be. */
const HARMLESS: ReadonlySet<VhdxComplaintKind> = new Set([
  'header damaged',
  'headers disagree',
  'dirty log',
  'region table damaged',
  'region tables differ',
  'no identity',
  'offset without a place',
  'fixed block without a place',
  'BAT padding',
  'file size',
]);

export const fatalVhdx = ({ kind }: VhdxComplaint): boolean => !HARMLESS.has(kind);

/** Everything wrong with the image; an empty list says that it is sound, clean, and whole in both copies of everything. */
export const checkPlainVhdx = (image: string | ByteSource): readonly VhdxComplaint[] => {
  let vhdx: PlainVhdx;
  try {
    vhdx = openPlainVhdx(image);
  } catch (error) {
    return [{ kind: 'unreadable', detail: error instanceof Error ? error.message : String(error) }];
  }
  return checkStructure(vhdx);
};

/** The same of an image that could be opened. */
export const checkStructure = (vhdx: PlainVhdx): readonly VhdxComplaint[] => [
  ...checkHeaders(vhdx),
  ...checkLog(vhdx),
  ...checkRegions(vhdx),
  ...checkItems(vhdx),
  ...checkLocator(vhdx),
  ...checkBat(vhdx),
  ...(vhdx.source.sizeBytes % MIB === 0
    ? []
    : [{ kind: 'file size', detail: `${vhdx.source.sizeBytes} bytes are no whole MiB` } as const]),
];

/** Both copies valid, with one identity and one log: so an update leaves them that was completed. */
const checkHeaders = ({ headers, header }: PlainVhdx): readonly VhdxComplaint[] => {
  const complaints: VhdxComplaint[] = [];
  headers.forEach((copy, slot) => {
    if (copy === undefined) complaints.push({ kind: 'header damaged', detail: `the copy at ${HEADERS_AT[slot] ?? 0}` });
  });
  const [first, second] = headers;
  if (first !== undefined && second !== undefined)
    for (const field of ['fileWriteGuid', 'dataWriteGuid', 'logGuid'] as const)
      if (first[field] !== second[field])
        complaints.push({ kind: 'headers disagree', detail: `${field} ${first[field]} and ${second[field]}` });
  if (header.dataWriteGuid === NIL_GUID) complaints.push({ kind: 'no identity', detail: 'DataWriteGuid is zero' });
  return complaints;
};

const checkLog = ({ source, header, dirtyLog }: PlainVhdx): readonly VhdxComplaint[] => {
  const { log } = header;
  const complaints: VhdxComplaint[] = [];
  const isMisplaced =
    log.offsetBytes % MIB !== 0 ||
    log.lengthBytes % MIB !== 0 ||
    (log.lengthBytes > 0 && log.offsetBytes < MIB) ||
    log.offsetBytes + log.lengthBytes > source.sizeBytes;
  if (isMisplaced) complaints.push({ kind: 'log misplaced', detail: `${log.lengthBytes} bytes at ${log.offsetBytes}` });
  if (dirtyLog === undefined) return complaints;
  const { entries, head } = dirtyLog;
  complaints.push({
    kind: 'dirty log',
    detail: `${entries.length} entries up to number ${head.sequence} are to be applied`,
  });
  for (const { descriptors, sequence } of entries)
    for (const descriptor of descriptors) {
      const flaw = targetFlaw(descriptor, log, Math.max(source.sizeBytes, head.lastFileBytes));
      if (flaw !== undefined) complaints.push({ kind: 'log target', detail: `entry ${sequence}: ${flaw}` });
    }
  for (const [name, bytes] of [
    ['FlushedFileOffset', head.flushedFileBytes],
    ['LastFileOffset', head.lastFileBytes],
  ] as const)
    if (bytes % MIB !== 0) complaints.push({ kind: 'log target', detail: `${name} is ${bytes}` });
  return complaints;
};
