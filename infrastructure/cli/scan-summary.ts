import type { FolderScan } from '#application/use-cases/scan-folder';
import type { ScannedRow } from '#application/scan/scanned-chains';
import { counted, inUnits } from './bytes-argument.js';

/** What a scan comes to. Bytes are those of the files. */
export interface ScanSummary {
  readonly images: number;
  readonly chains: number;
  readonly orphans: number;
  /** Images with anything else that is broken. */
  readonly broken: number;
  readonly leftovers: number;
  readonly jobs: number;
  readonly bytes: number;
  /** Of merged images that were kept, and of what is left over. */
  readonly removableBytes: number;
}

export const rowsOf = (scan: FolderScan): readonly ScannedRow[] => scan.chains.flatMap(({ rows }) => rows);

export const summaryOf = (scan: FolderScan): ScanSummary => {
  const rows = rowsOf(scan);
  const isOrphan = (row: ScannedRow): boolean => row.troubles.some(({ kind }) => kind === 'orphan');
  const size = (total: number, { sizeBytes }: { readonly sizeBytes: number }): number => total + sizeBytes;
  const kept = rows.flatMap(({ image, isRemovable }) => (isRemovable ? [image.file] : []));
  const given = scan.leftovers.filter(({ isConfirmed }) => isConfirmed);
  return {
    images: rows.length,
    chains: scan.chains.length,
    orphans: rows.filter(isOrphan).length,
    broken: rows.filter((row) => isBroken(row) && !isOrphan(row)).length,
    leftovers: scan.leftovers.filter(({ kind }) => kind !== 'being-made').length,
    jobs: scan.jobs.length,
    bytes: scan.chains.reduce(size, 0),
    removableBytes: kept.reduce(size, 0) + given.reduce(size, 0),
  };
};

export const isBroken = ({ troubles }: ScannedRow): boolean => troubles.some(({ severity }) => severity === 'broken');

export const summaryText = (summary: ScanSummary): string => {
  const { images, chains, orphans, broken, leftovers, bytes, removableBytes } = summary;
  const room = removableBytes === 0 ? '' : `; removal of what nobody needs would give ${inUnits(removableBytes)}`;
  return `${counted(images, 'image')} in ${counted(chains, 'chain')}, ${counted(orphans, 'orphan')}, ${broken} broken, ${counted(leftovers, 'leftover')}, ${inUnits(bytes)}${room}.`;
};
