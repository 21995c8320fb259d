/**
 * Both footers whole and equal, as they have to be before the first other write. Each step is flushed before the next, and the
 * file has one whole footer that counts at every instant. A repair that a crash has interrupted is simply done again.
 */
import type { OpenFile } from '#application/ports/file-system';
import { roundDown, roundUp } from '#domain/quantities';
import { encodeFooter, FOOTER_BYTES, SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import type { FooterChoice } from '#domain/disk-format/vhd/footer-copies';

export interface FootersToRepair {
  readonly choice: FooterChoice;
  readonly fileSizeBytes: number;
  readonly endOfStructuresBytes: number;
}

/** Repairs the footers of a dynamic or differencing disk. Returns the file's length after it. */
export const repairFooters = async (file: OpenFile, footers: FootersToRepair): Promise<number> => {
  const { choice, fileSizeBytes } = footers;
  const { warnings } = choice;
  const encoded = encodeFooter(choice.footer);
  const headIsOld = warnings.includes('head-damaged') || warnings.includes('copies-differ');
  if (headIsOld) await writeFlushed(file, encoded, 0);
  switch (choice.copy) {
    case 'tail':
      return fileSizeBytes;
    // One byte more: the 511 that are there stay as they are, and the last is zero.
    case 'short tail':
      await writeFlushed(file, encoded, choice.endOfDataBytes);
      return choice.endOfDataBytes + FOOTER_BYTES;
    case 'head': {
      const position = tailPosition(footers);
      await writeFlushed(file, encoded, position);
      return position + FOOTER_BYTES;
    }
  }
};

/**
 * Where a lost tail belongs: the file's last sector, where a growing file has zeros when only its size was durable; or behind the
 * end of all structures, when these reach further.
 */
export const tailPosition = ({ fileSizeBytes, endOfStructuresBytes }: Omit<FootersToRepair, 'choice'>): number =>
  Math.max(roundUp(endOfStructuresBytes, SECTOR_BYTES), roundDown(fileSizeBytes - 1, SECTOR_BYTES));

const writeFlushed = async (file: OpenFile, bytes: Uint8Array, position: number): Promise<void> => {
  await file.write(bytes, position);
  await file.flush();
};
