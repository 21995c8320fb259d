/** The search for a log's active sequence in one pass finds what the specification finds by trying every sector as a start. */
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { encodeLogEntry, type LogDescriptor, type LogEntry } from '#domain/disk-format/vhdx/log-entry';
import { decodeLogEntry } from '#domain/disk-format/vhdx/log-entry-decode';
import { activeSequence } from '#domain/disk-format/vhdx/log-sequence';
import {
  entryOf,
  FORMER_GUID,
  GUID,
  pages,
  put,
  RING_BYTES,
  SECTOR,
  startSectors,
  upTo,
  zeros,
} from '../product/log-sessions.js';

/** The numbers of the active sequence, or the kind of its flaw. */
const numbersOf = (ring: Uint8Array): readonly bigint[] | string => {
  const sequence = activeSequence(ring, GUID);
  return sequence.ok ? sequence.value.entries.map(({ sequenceNumber }) => sequenceNumber) : sequence.error.flaw;
};
describe('the active sequence of any log', () => {
  interface Found {
    readonly entry: LogEntry;
    readonly lengthBytes: number;
    readonly offsetBytes: number;
  }

  const validAt = (ring: Uint8Array, offsetBytes: number): Found | null => {
    const decoded = decodeLogEntry(ring, offsetBytes);
    if (!decoded.ok) return null;
    const { entry, lengthBytes } = decoded.value;
    const isOurs = entry.logGuid === GUID && entry.tailBytes < ring.length && lengthBytes < ring.length;
    return isOurs ? { entry, lengthBytes, offsetBytes } : null;
  };

  /**
   * FORMATS.md B8, Replay, steps 1 to 7, word for word: all valid sequences that were candidates or might have been. One across
   * the start of the log is found twice, first without the entries before that.
   */
  const asSpecified = (ring: Uint8Array): readonly (readonly Found[])[] => {
    const valid: (readonly Found[])[] = [];
    let [tail, oldTail] = [0, 0];
    for (;;) {
      const current: Found[] = [];
      let [head, length] = [tail, 0];
      for (;;) {
        const next = validAt(ring, head);
        if (next === null || length + next.lengthBytes > ring.length) break;
        const last = current.at(-1);
        if (last !== undefined && next.entry.sequenceNumber !== last.entry.sequenceNumber + 1n) break;
        current.push(next);
        length += next.lengthBytes;
        head = (head + next.lengthBytes) % ring.length;
      }
      const from = current.findIndex(({ offsetBytes }) => offsetBytes === current.at(-1)!.entry.tailBytes);
      if (from >= 0) valid.push(current.slice(from));
      tail = from >= 0 ? head : (tail + SECTOR) % ring.length;
      if (tail <= oldTail)
        return valid.filter(
          (one, n) => valid.findIndex((other) => other.at(-1)!.offsetBytes === one.at(-1)!.offsetBytes) === n,
        );
      oldTail = tail;
    }
  };

  const placed = fc.record({
    at: startSectors,
    number: fc.integer({ min: 1, max: 12 }),
    tail: fc.option(startSectors, { nil: null }),
    descriptors: fc.array(fc.oneof(pages, zeros), { maxLength: 2 }),
    isFormer: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  });
  /** Entries in a row, where what follows is often the next one. */
  const rows = fc.record({
    at: startSectors,
    firstNumber: fc.integer({ min: 1, max: 12 }),
    entries: fc.array(
      fc.record({ descriptors: fc.array(fc.oneof(pages, zeros), { maxLength: 2 }), back: upTo(4), skip: upTo(9) }),
      { minLength: 1, maxLength: 8 },
    ),
  });
  const damage = fc.array(fc.tuple(upTo(RING_BYTES - 1), upTo(255)), { maxLength: 2 });

  const ringOf = ({ singles, row, wounds }: Given): Uint8Array => {
    const ring = new Uint8Array(RING_BYTES);
    for (const { at, number, tail, descriptors, isFormer } of singles) {
      const logGuid = isFormer ? FORMER_GUID : GUID;
      const tailBytes = (tail ?? at) * SECTOR;
      put(
        ring,
        encodeLogEntry(entryOf({ sequenceNumber: BigInt(number), tailBytes, logGuid, descriptors })),
        at * SECTOR,
      );
    }
    let [offset, number] = [row.at * SECTOR, row.firstNumber];
    const starts: number[] = [];
    for (const { descriptors, back, skip } of row.entries) {
      starts.push(offset);
      const tailBytes = starts.at(-1 - back) ?? starts[0]!;
      const encoded = encodeLogEntry(entryOf({ sequenceNumber: BigInt(number), tailBytes, descriptors }));
      put(ring, encoded, offset);
      offset = (offset + encoded.length) % ring.length;
      number += skip === 0 ? 2 : 1;
    }
    for (const [at, byte] of wounds) ring[at] = byte;
    return ring;
  };
  interface Given {
    readonly singles: readonly {
      readonly at: number;
      readonly number: number;
      readonly tail: number | null;
      readonly descriptors: readonly LogDescriptor[];
      readonly isFormer: boolean;
    }[];
    readonly row: {
      readonly at: number;
      readonly firstNumber: number;
      readonly entries: readonly {
        readonly descriptors: readonly LogDescriptor[];
        readonly back: number;
        readonly skip: number;
      }[];
    };
    readonly wounds: readonly (readonly [number, number])[];
  }

  test.prop({ singles: fc.array(placed, { maxLength: 5 }), row: rows, wounds: damage }, { numRuns: 1000 })(
    'is the one that the specification finds by trying every sector as a start',
    (given) => {
      const ring = ringOf(given);
      const candidates = asSpecified(ring).map((found) => found.map(({ entry }) => entry.sequenceNumber));
      const greatest = candidates.reduce((most, numbers) => (numbers.at(-1)! > most ? numbers.at(-1)! : most), 0n);
      const best = candidates.filter((numbers) => numbers.at(-1) === greatest);
      expect(numbersOf(ring)).toEqual(best.length === 1 ? best[0] : 'log-corrupt');
    },
  );
});
