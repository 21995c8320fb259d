import { MAX_DISK_BYTES } from '#domain/disk-format/vhd/footer';
import { mergeError, type MergeError } from '#domain/merge-error';
import { MIB } from '#domain/quantities';
import { nameOf } from '../chain/paths.js';
import type { ReadableDisk } from '../chain/view-chunks.js';

export type NewFormat = 'vhd' | 'vhdx' | 'raw';

const FORMAT_OF_ENDING: Readonly<Record<string, NewFormat>> = {
  vhd: 'vhd',
  avhd: 'vhd',
  vhdx: 'vhdx',
  avhdx: 'vhdx',
  raw: 'raw',
  img: 'raw',
};

/** The format that a new disk gets goes by its name; null for a name that says none. */
export const formatOfName = (path: string): NewFormat | null => {
  const name = nameOf(path).toLowerCase();
  return name.includes('.') ? (FORMAT_OF_ENDING[name.slice(name.lastIndexOf('.') + 1)] ?? null) : null;
};

/** The defaults of Windows. */
export const defaultBlockSize = (format: 'vhd' | 'vhdx'): number => (format === 'vhd' ? 2 : 32) * MIB;

export const nameSaysNoFormat = (path: string): MergeError =>
  mergeError('invalid-parameter', 'the format goes by the name, and this one says none', {
    path,
    expected: 'a name that ends in .vhd, .vhdx, .raw or .img',
    found: JSON.stringify(nameOf(path)),
    todo: 'Nothing was made. Choose another name.',
  });

/** Why a disk of this size and these sectors cannot be had in the format; null: it can. */
export const formatRefusal = (
  path: string,
  format: NewFormat,
  { sectorSize, diskSectors }: Pick<ReadableDisk, 'sectorSize' | 'diskSectors'>,
): MergeError | null => {
  if (format !== 'vhd') return null;
  if (sectorSize !== 512)
    return mergeError('sector-size-differs', 'a VHD has sectors of 512 bytes, and this disk has others', {
      path,
      expected: '512 bytes',
      found: `${String(sectorSize)} bytes`,
      todo: 'Nothing was made: partitions and file systems are laid out for the sectors that they were made on. Choose a name that ends in .vhdx or .raw.',
    });
  const sizeBytes = sectorSize * diskSectors;
  if (sizeBytes <= MAX_DISK_BYTES) return null;
  return mergeError('invalid-parameter', 'this disk is too large for a VHD', {
    path,
    expected: `at most ${String(MAX_DISK_BYTES)} bytes (2040 GiB)`,
    found: `${String(sizeBytes)} bytes`,
    todo: 'Nothing was made. Choose a name that ends in .vhdx or .raw.',
  });
};
