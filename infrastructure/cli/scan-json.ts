import type { FolderScan } from '#application/use-cases/scan-folder';
import type { ScannedRow } from '#application/scan/scanned-chains';
import { summaryOf } from './scan-summary.js';

/** For the help: what `scan --json` prints. */
export const SCAN_JSON_SHAPE = `One object:
  folder     the folder, links resolved
  chains     each with bytes, allocated and images, a parent before its children. An image: path, parent (null: none,
             or not known for certain), depth, outside (a parent in another folder), format, type, virtualSize, bytes,
             allocated (null: not told), modifiedAt (ms), identity, parentIdentities, removable,
             problems (kind, severity broken|attention, message, related)
  leftovers  path, kind (being-made, unfinished, quarantine), bytes, modifiedAt, jobId, confirmed (it is known that nobody
             needs it: the journal knows of it; nobody can be making it any more)
  jobs       unfinished ones about these images: jobId, state, source, destination, lastEventAt
  passedOver what was not looked at: path, why
  journal    was it read?
  summary    images, chains, orphans, broken, leftovers, jobs, bytes, removableBytes`;

export const scanJson = (scan: FolderScan, journalRead: boolean): Readonly<Record<string, unknown>> => ({
  folder: scan.folder,
  chains: scan.chains.map(({ sizeBytes, allocatedBytes, rows }) => ({
    bytes: sizeBytes,
    allocated: allocatedBytes,
    images: rows.map(rowJson),
  })),
  leftovers: scan.leftovers.map(({ path, kind, sizeBytes, mtimeMs, jobId, isConfirmed }) => ({
    path,
    kind,
    bytes: sizeBytes,
    modifiedAt: mtimeMs,
    jobId,
    confirmed: isConfirmed,
  })),
  jobs: scan.jobs,
  passedOver: scan.passedOver.map(({ path, why }) => ({ path, why })),
  journal: journalRead,
  summary: summaryOf(scan),
});

const rowJson = ({ image, parent, depth, isRemovable, troubles }: ScannedRow): Readonly<Record<string, unknown>> => ({
  path: image.path,
  parent,
  depth,
  outside: image.isOutside,
  format: image.format,
  type: image.type,
  virtualSize: image.virtualSizeBytes,
  bytes: image.file.sizeBytes,
  allocated: image.allocatedBytes,
  modifiedAt: image.mtimeMs,
  identity: image.identity,
  parentIdentities: image.parentIdentities,
  removable: isRemovable,
  problems: troubles,
});
