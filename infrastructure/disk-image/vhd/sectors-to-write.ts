import type { OpenFile } from '#application/ports/file-system';

/** Whole 512-byte sectors of the file, with all the bytes that they are to have. */
export interface SectorsToWrite {
  /** A multiple of 512. */
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** Writes sectors in ascending order; those that follow each other in the file are one write. They do not overlap. */
export const writeSectors = async (file: OpenFile, sectors: readonly SectorsToWrite[]): Promise<void> => {
  for (const { position, bytes } of joined(sectors)) await file.write(bytes, position);
};

const joined = (sectors: readonly SectorsToWrite[]): SectorsToWrite[] => {
  const groups: SectorsToWrite[][] = [];
  for (const next of [...sectors].sort((one, other) => one.position - other.position)) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && last.position + last.bytes.length === next.position) groups.at(-1)!.push(next);
    else groups.push([next]);
  }
  return groups.map(concatenated);
};

const concatenated = (group: readonly SectorsToWrite[]): SectorsToWrite => {
  const [first] = group;
  if (first === undefined) throw new RangeError('Bug: a group of sectors has at least one');
  if (group.length === 1) return first;
  const bytes = new Uint8Array(group.reduce((total, part) => total + part.bytes.length, 0));
  for (const part of group) bytes.set(part.bytes, part.position - first.position);
  return { position: first.position, bytes };
};
