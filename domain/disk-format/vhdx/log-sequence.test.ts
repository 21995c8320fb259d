import { describe, expect, it } from 'vitest';
import { MIB } from '../../quantities.js';
import { crc32c } from './crc32c.js';
import { NIL_GUID } from './header.js';
import { encodeLogEntry, type LogDescriptor, type LogEntry } from './log-entry.js';
import { type ActiveSequence, activeSequence, dirtyLogSizeFlaw, MAX_DIRTY_LOG_BYTES } from './log-sequence.js';

const G = 'e6fc743c-81ed-4fe8-bf54-698ed57ba0b8';
const FORMER = '01234567-89ab-cdef-0123-456789abcdef';
const SECTOR = 4096;
/** A log of 16 sectors: as good as one of 256. */
const LOG_BYTES = 16 * SECTOR;

const page: LogDescriptor = { kind: 'data', fileOffsetBytes: 3 * MIB, page: new Uint8Array(SECTOR).fill(1) };

interface Placed extends Partial<LogEntry> {
  /** Where it starts, in sectors. */
  readonly at: number;
}

const ringOf = (...entries: readonly Placed[]): Uint8Array => {
  const ring = new Uint8Array(LOG_BYTES);
  for (const { at, ...changes } of entries) {
    const encoded = encodeLogEntry({
      sequenceNumber: 1n,
      logGuid: G,
      tailBytes: at * SECTOR,
      flushedFileOffsetBytes: 4 * MIB,
      lastFileOffsetBytes: 4 * MIB,
      descriptors: [page],
      ...changes,
    });
    encoded.forEach((byte, n) => {
      ring[(at * SECTOR + n) % LOG_BYTES] = byte;
    });
  }
  return ring;
};

/** The numbers of the active entries, in their order, or the flaw. */
const active = (ring: Uint8Array) => {
  const sequence = activeSequence(ring, G);
  return sequence.ok ? sequence.value.entries.map((entry) => Number(entry.sequenceNumber)) : sequence.error;
};
const described = (ring: Uint8Array): ActiveSequence => {
  const sequence = activeSequence(ring, G);
  if (!sequence.ok) throw new Error(sequence.error.found);
  return sequence.value;
};
const noSequence = (entries: number) => ({
  flaw: 'log-corrupt',
  structure: 'VHDX log',
  expected: `a sequence of entries with the LogGuid ${G}`,
  found: `${entries} entries, none of which ends one`,
});

describe('the active sequence of a log', () => {
  it('goes from the tail of its newest entry to that entry', () => {
    const ring = ringOf(
      { at: 0, sequenceNumber: 7n, descriptors: [] },
      { at: 1, sequenceNumber: 8n },
      { at: 3, sequenceNumber: 9n, tailBytes: SECTOR },
      { at: 5, sequenceNumber: 10n, tailBytes: 3 * SECTOR, flushedFileOffsetBytes: 5 * MIB },
    );
    expect(active(ring)).toEqual([9, 10]);
    expect(described(ring)).toMatchObject({
      headOffsetBytes: 5 * SECTOR,
      endOffsetBytes: 7 * SECTOR,
      lastSequenceNumber: 10n,
      flushedFileOffsetBytes: 5 * MIB,
      lastFileOffsetBytes: 4 * MIB,
    });
  });

  it('makes the file as long as the entry that asks for most', () => {
    const ring = ringOf(
      { at: 0, lastFileOffsetBytes: 9 * MIB },
      { at: 2, sequenceNumber: 2n, tailBytes: 0, lastFileOffsetBytes: 5 * MIB },
    );
    expect(described(ring).lastFileOffsetBytes).toBe(9 * MIB);
  });

  it('goes on at the start of the log, also inside an entry', () => {
    const ring = ringOf(
      { at: 13, sequenceNumber: 4n },
      { at: 15, sequenceNumber: 5n, tailBytes: 13 * SECTOR },
      { at: 1, sequenceNumber: 6n, tailBytes: 13 * SECTOR },
    );
    expect(active(ring)).toEqual([4, 5, 6]);
    expect(described(ring)).toMatchObject({ headOffsetBytes: SECTOR, endOffsetBytes: 3 * SECTOR });
    const atTheEnd = ringOf({ at: 14 });
    expect(described(atTheEnd)).toMatchObject({ headOffsetBytes: 14 * SECTOR, endOffsetBytes: 0 });
  });

  it('may fill the log, and leaves out what comes before its tail also across the start of the log', () => {
    const around = Array.from({ length: 8 }, (_, n) => ({
      at: (n * 2 + 11) % 16,
      sequenceNumber: BigInt(n + 1),
      tailBytes: 11 * SECTOR,
    }));
    expect(active(ringOf(...around))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(active(ringOf(...around.slice(0, 7), { ...around[7]!, tailBytes: SECTOR }))).toEqual([4, 5, 6, 7, 8]);
  });

  it('is the one with the greatest number of those that are valid', () => {
    expect(active(ringOf({ at: 0, sequenceNumber: 5n }, { at: 4, sequenceNumber: 9n }, { at: 8 }))).toEqual([9]);
    const orphan = { at: 4, sequenceNumber: 9n, tailBytes: 12 * SECTOR };
    expect(active(ringOf({ at: 0, sequenceNumber: 5n }, orphan, { at: 8 }))).toEqual([5]);
  });

  it('ends where the numbers do not go on by one', () => {
    for (const sequenceNumber of [1n, 3n]) {
      const ring = ringOf({ at: 0, sequenceNumber: 1n }, { at: 2, sequenceNumber, tailBytes: 0 });
      expect(active(ring)).toEqual([1]);
    }
  });

  it('is at home anywhere in 64 bits', () => {
    for (const first of [2n ** 32n - 1n, 2n ** 53n, 2n ** 64n - 2n]) {
      const ring = ringOf({ at: 0, sequenceNumber: first }, { at: 2, sequenceNumber: first + 1n, tailBytes: 0 });
      expect(described(ring)).toMatchObject({ lastSequenceNumber: first + 1n, entries: [{}, {}] });
    }
    const around = ringOf({ at: 0, sequenceNumber: 2n ** 64n - 1n }, { at: 2, sequenceNumber: 1n, tailBytes: 0 });
    expect(described(around)).toMatchObject({ lastSequenceNumber: 2n ** 64n - 1n });
  });

  it('has no entries of another LogGuid, and does not lead through them', () => {
    const ring = ringOf(
      { at: 0, sequenceNumber: 1n },
      { at: 2, sequenceNumber: 2n, logGuid: FORMER, tailBytes: 0 },
      { at: 4, sequenceNumber: 3n, tailBytes: 0 },
    );
    expect(active(ring)).toEqual([1]);
  });

  it('has no torn entry: the one before is the newest then', () => {
    const ring = ringOf({ at: 0 }, { at: 2, sequenceNumber: 2n });
    expect(active(ring)).toEqual([2]);
    ring[3 * SECTOR + 100]! ^= 1;
    expect(active(ring)).toEqual([1]);
  });
});

describe('a log is damaged when', () => {
  it('nothing in it is an entry with its LogGuid', () => {
    expect(active(new Uint8Array(LOG_BYTES))).toEqual(noSequence(0));
    expect(active(ringOf({ at: 0, logGuid: FORMER }))).toEqual(noSequence(0));
  });

  it('the newest entry needs one that is not there', () => {
    expect(active(ringOf({ at: 4, tailBytes: 0 }))).toEqual(noSequence(1));
    expect(active(ringOf({ at: 4, tailBytes: 5 * SECTOR }))).toEqual(noSequence(1));
    expect(active(ringOf({ at: 4 }, { at: 6, sequenceNumber: 2n, tailBytes: 8 * SECTOR }))).toEqual(noSequence(2));
  });

  it('the tail is not in the log', () => {
    expect(active(ringOf({ at: 4, tailBytes: LOG_BYTES }))).toEqual(noSequence(0));
  });

  it('an entry is as long as the log', () => {
    const pages = (count: number) => Array.from({ length: count }, () => page);
    expect(active(ringOf({ at: 0, descriptors: pages(15) }))).toEqual(noSequence(0));
    expect(active(ringOf({ at: 3, descriptors: pages(14) }))).toEqual([1]);
  });

  it('two sequences end with one number: nothing tells which is the file', () => {
    expect(active(ringOf({ at: 0, sequenceNumber: 3n }, { at: 8, sequenceNumber: 3n }))).toMatchObject({
      flaw: 'log-corrupt',
      found: 'two that end with 3',
    });
    for (const at of [4, 12]) {
      const older = ringOf({ at: 0, sequenceNumber: 3n }, { at: 8, sequenceNumber: 3n }, { at, sequenceNumber: 4n });
      expect(active(older)).toEqual([4]);
    }
  });

  it('it is larger than what is held in memory', () => {
    expect(dirtyLogSizeFlaw(MAX_DIRTY_LOG_BYTES)).toBeNull();
    const tooLarge = { flaw: 'log-too-large', structure: 'VHDX log', found: '17825792 bytes' };
    expect(dirtyLogSizeFlaw(MAX_DIRTY_LOG_BYTES + MIB)).toMatchObject(tooLarge);
    expect(activeSequence(new Uint8Array(MAX_DIRTY_LOG_BYTES + MIB), G)).toMatchObject({ error: tooLarge });
  });

  it('but to look for entries without a LogGuid is our own mistake', () => {
    expect(() => activeSequence(ringOf({ at: 0 }), NIL_GUID)).toThrow(/^Bug: /);
  });
});

describe('a log with very many headers', () => {
  it('that each claim all of it takes no longer than one', () => {
    const ring = new Uint8Array(16 * MIB);
    const claim = encodeLogEntry({
      ...{ sequenceNumber: 1n, logGuid: G, tailBytes: 0, flushedFileOffsetBytes: 0, lastFileOffsetBytes: 0 },
      descriptors: Array.from({ length: 126 }, () => page),
    });
    const view = new DataView(claim.buffer);
    view.setUint32(8, ring.length - SECTOR, true);
    view.setUint32(24, (ring.length - 2 * SECTOR) / 32, true);
    view.setUint32(4, crc32c(claim, 4), true);
    for (let at = 0; at < ring.length; at += SECTOR) ring.set(claim.subarray(0, SECTOR), at);
    // 4096 checks of 16 MiB each would be past any timeout.
    expect(active(ring)).toEqual(noSequence(0));
  });

  it('and a sequence of one sector each is found in one go', () => {
    const ring = new Uint8Array(4 * MIB);
    const count = ring.length / SECTOR;
    for (let n = 0; n < count; n += 1) {
      const entry = {
        sequenceNumber: BigInt(n + 1),
        logGuid: G,
        tailBytes: n === count - 1 ? 0 : SECTOR,
        descriptors: [],
      };
      ring.set(encodeLogEntry({ ...entry, flushedFileOffsetBytes: 0, lastFileOffsetBytes: 0 }), n * SECTOR);
    }
    expect(active(ring)).toHaveLength(count);
  });
});
