import type { SectorSet } from '../merge-job/events.js';
import { endOf, type SectorRun } from '../sector-run.js';

/** An event lists at most this many runs; more of them are a bitmap, whose size does not grow with their number. */
export const MOST_RUNS_IN_AN_EVENT = 64;

/** The sectors of a block (relative to its first sector) as an event keeps them. `blockSectors` is the block's size in sectors. */
export const toSectorSet = (runs: readonly SectorRun[], firstSector: number, blockSectors: number): SectorSet => {
  if (runs.length <= MOST_RUNS_IN_AN_EVENT)
    return { runs: runs.map((run) => [run.start - firstSector, run.count] as const) };
  const bitmap = new Uint8Array(Math.ceil(blockSectors / 8));
  for (const run of runs) {
    for (let bit = run.start - firstSector; bit < endOf(run) - firstSector; bit++) bitmap[bit >> 3]! |= 1 << (bit & 7);
  }
  return { bitmap: base64Of(bitmap), bits: blockSectors };
};

/** The guest sectors that an event names, ascending and joined. */
export const fromSectorSet = (set: SectorSet, firstSector: number): SectorRun[] => {
  if ('runs' in set) return set.runs.map(([start, count]) => ({ start: start + firstSector, count }));
  const bitmap = bytesOfBase64(set.bitmap);
  const runs: SectorRun[] = [];
  let start = -1;
  for (let bit = 0; bit <= set.bits; bit++) {
    const present = bit < set.bits && (bitmap[bit >> 3]! & (1 << (bit & 7))) !== 0;
    if (present && start < 0) start = bit;
    if (!present && start >= 0) {
      runs.push({ start: start + firstSector, count: bit - start });
      start = -1;
    }
  }
  return runs;
};

/** Upper bound of an event's size in UTF-8 bytes: the envelope with its longest names, then the lists that can grow. */
export const eventBytesAtMost = (sets: readonly SectorSet[], suppliers: number): number =>
  ENVELOPE_BYTES + suppliers * 4 + sets.reduce((total, set) => total + bytesOfSet(set), 0);

const bytesOfSet = (set: SectorSet): number => ('runs' in set ? set.runs.length * 24 : set.bitmap.length);

const ENVELOPE_BYTES = 2048;

const base64Of = (data: Uint8Array): string => {
  let text = '';
  for (const byte of data) text += String.fromCharCode(byte);
  return btoa(text);
};

const bytesOfBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
