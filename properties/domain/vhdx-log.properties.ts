/**
 * The log of a VHDX: what was written to it comes back, and a crash while an entry is written leaves the sequence before it or the
 * one that it makes, nothing else.
 */
import { readFileSync } from 'node:fs';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { decodeEntries } from '#domain/disk-format/vhdx/bat';
import { chooseHeader, HEADER_BYTES, HEADER_OFFSETS } from '#domain/disk-format/vhdx/header';
import { encodeLogEntry, type LogDescriptor } from '#domain/disk-format/vhdx/log-entry';
import { decodeLogEntry } from '#domain/disk-format/vhdx/log-entry-decode';
import { type ActiveSequence, activeSequence, replayFlaw } from '#domain/disk-format/vhdx/log-sequence';
import { describeWithCorpus } from '../corpus.js';
import { scratchFolder } from '../models/scratch-folder.js';
import {
  entryOf,
  firstNumbers,
  GUID,
  MOST_SECTORS,
  noise,
  PAGES,
  pageOffset,
  pages,
  put,
  RING_BYTES,
  RING_SECTORS,
  SECTOR,
  seeds,
  sessions,
  startSectors,
  transactions,
  upTo,
  writeSession,
  zeros,
  formerSessions,
  ringAfter,
  oneAtATime,
  allTogether,
} from '../product/log-sessions.js';

const applied = (transactions: readonly (readonly LogDescriptor[])[]): Uint8Array => {
  const file = noise(PAGES * SECTOR, 7);
  for (const descriptor of transactions.flat()) {
    const at = descriptor.fileOffsetBytes - pageOffset(0);
    if (descriptor.kind === 'data') file.set(descriptor.page, at);
    else file.fill(0, at, at + descriptor.lengthBytes);
  }
  return file;
};

const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

const sequenceOf = (ring: Uint8Array): ActiveSequence => {
  const sequence = activeSequence(ring, GUID);
  if (!sequence.ok) throw new Error(sequence.error.found);
  return sequence.value;
};

describe('what is written to a log', () => {
  test.prop({ former: formerSessions, session: sessions(GUID, RING_SECTORS / MOST_SECTORS) }, { numRuns: 300 })(
    'is replayed to the file that writing it there gives, whatever an earlier session left',
    ({ former, session }) => {
      const ring = ringAfter(former);
      const { next } = writeSession(ring, session, allTogether);
      const sequence = sequenceOf(ring);
      expect(sequence.lastSequenceNumber - session.firstNumber + 1n).toBe(BigInt(session.transactions.length));
      expect(sequence.endOffsetBytes).toBe(next);
      const replayed = applied(sequence.entries.map(({ descriptors }) => descriptors));
      expect(same(replayed, applied(session.transactions))).toBe(true);
    },
  );

  test.prop({ former: formerSessions, session: sessions(GUID, 30) }, { numRuns: 200 })(
    'one entry at a time, around and around, has at each moment the newest entry as its sequence',
    ({ former, session }) => {
      const ring = ringAfter(former);
      const { last, next } = writeSession(ring, session, oneAtATime);
      const sequence = sequenceOf(ring);
      expect(sequence.entries).toHaveLength(1);
      expect(sequence.endOffsetBytes).toBe(next);
      expect(same(encodeLogEntry(sequence.entries[0]!), encodeLogEntry(last))).toBe(true);
    },
  );

  test.prop({ descriptors: fc.array(fc.oneof(pages, zeros), { maxLength: 140 }), number: firstNumbers, startSectors })(
    'comes back as it was, from wherever in the ring it starts',
    ({ descriptors, number, startSectors: startSector }) => {
      const encoded = encodeLogEntry(entryOf({ descriptors, sequenceNumber: number, tailBytes: 8192 }));
      const ring = new Uint8Array(encoded.length + RING_BYTES);
      const start = ring.length - startSector * SECTOR - SECTOR;
      put(ring, encoded, start);
      const decoded = decodeLogEntry(ring, start);
      expect(decoded).toMatchObject({ ok: true, value: { lengthBytes: encoded.length } });
      expect(decoded.ok && same(encodeLogEntry(decoded.value.entry), encoded)).toBe(true);
    },
  );

  test.prop({ descriptors: transactions, number: firstNumbers, at: fc.nat() }, { numRuns: 1000 })(
    'is no entry any more when one bit of it is wrong',
    ({ descriptors, number, at }) => {
      const encoded = encodeLogEntry(entryOf({ descriptors, sequenceNumber: number }));
      const bit = at % (encoded.length * 8);
      encoded[bit >>> 3]! ^= 1 << (bit & 7);
      expect(decodeLogEntry(encoded).ok).toBe(false);
    },
  );
});

describe('a crash while an entry is written', () => {
  const BLOCK = 512;
  type Fate = 'new' | 'old' | 'noise' | 'zeros';
  const blocks = (MOST_SECTORS * SECTOR) / BLOCK;
  const anyFate = fc.constantFrom<Fate>('new', 'old', 'noise', 'zeros');
  const fates: fc.Arbitrary<readonly Fate[]> = fc.oneof(
    fc.array(anyFate, { minLength: blocks, maxLength: blocks }),
    // All there but one, which is what a checksum is for; and none there but one.
    fc
      .tuple(upTo(blocks - 1), anyFate, fc.constantFrom<Fate>('new', 'old'))
      .map(([n, fate, others]) => Array.from({ length: blocks }, () => others).with(n, fate)),
    fc
      .tuple(upTo(blocks), fc.boolean())
      .map(([n, front]) => Array.from({ length: blocks }, (_, block): Fate => (block < n === front ? 'new' : 'old'))),
  );

  test.prop(
    { former: formerSessions, session: sessions(GUID, 14), descriptors: transactions, fates, seed: seeds },
    { numRuns: 1000 },
  )('leaves the sequence before it, or the whole of the new one', ({ former, session, descriptors, fates, seed }) => {
    const ring = ringAfter(former);
    const { next, last } = writeSession(ring, session, oneAtATime);
    const sequenceNumber = last.sequenceNumber + 1n;
    const torn = encodeLogEntry(entryOf({ sequenceNumber, tailBytes: next, descriptors }));
    const complete = torn.slice();
    for (let block = 0; block * BLOCK < torn.length; block += 1) {
      const at = block * BLOCK;
      const inRing = (next + at) % ring.length;
      const fate = fates[block];
      if (fate === 'old') torn.set(ring.subarray(inRing, inRing + BLOCK), at);
      if (fate === 'noise') torn.set(noise(BLOCK, seed + block), at);
      if (fate === 'zeros') torn.fill(0, at, at + BLOCK);
    }
    put(ring, torn, next);
    const survivor = same(torn, complete) ? entryOf({ sequenceNumber, tailBytes: next, descriptors }) : last;
    const sequence = sequenceOf(ring);
    expect(sequence.entries).toHaveLength(1);
    expect(same(encodeLogEntry(sequence.entries[0]!), encodeLogEntry(survivor))).toBe(true);
  });
});

describeWithCorpus('the dirty log that Windows 10 left in the corpus', (corpus) => {
  const folder = scratchFolder();
  const imageFile = async (): Promise<Uint8Array> => {
    const [path = ''] = await corpus.unpack(['vhdx-log-replay.vhdx'], folder());
    return new Uint8Array(readFileSync(path));
  };
  const headerOf = (file: Uint8Array) => {
    const [first, second] = HEADER_OFFSETS.map((offset) => file.subarray(offset, offset + HEADER_BYTES));
    const headers = chooseHeader(first!, second!, file.length);
    if (!headers.ok) throw new Error(headers.error.found);
    return headers.value.header;
  };
  /** The BAT entries that are not 0, of each page that an entry has. */
  const batOf = (descriptors: readonly LogDescriptor[]) =>
    descriptors.map((descriptor) => {
      const entries = descriptor.kind === 'data' ? [...decodeEntries(descriptor.page)] : [];
      return Object.fromEntries(entries.flatMap((entry, block) => (entry === 0 ? [] : [[block, entry]])));
    });

  test('begins with an empty entry and a number from anywhere, and each entry changes the BAT', async () => {
    const file = await imageFile();
    const { logGuid, logOffsetBytes, logLengthBytes } = headerOf(file);
    const ring = file.subarray(logOffsetBytes, logOffsetBytes + logLengthBytes);
    const found = [0, 0x1000, 0x3000, 0x5000, 0x7000].map((offset) => {
      const decoded = decodeLogEntry(ring, offset);
      if (!decoded.ok) throw new Error(decoded.error.found);
      const { descriptors, ...rest } = decoded.value.entry;
      expect(rest.logGuid).toBe(logGuid);
      return { ...rest, bat: batOf(descriptors) };
    });
    const small = { flushedFileOffsetBytes: 0x40_0000, lastFileOffsetBytes: 0x40_0000 };
    const growing = { flushedFileOffsetBytes: 0x40_0000, lastFileOffsetBytes: 0x240_0000 };
    const grown = { flushedFileOffsetBytes: 0x240_0000, lastFileOffsetBytes: 0x240_0000 };
    const first = 80_117_443_871_106_387n;
    expect(found).toEqual([
      { logGuid, sequenceNumber: first, tailBytes: 0, ...small, bat: [] },
      { logGuid, sequenceNumber: first + 1n, tailBytes: 0x1000, ...small, bat: [{ 0: 2 }] },
      { logGuid, sequenceNumber: first + 2n, tailBytes: 0x1000, ...small, bat: [{ 0: 2, 31: 2 }] },
      { logGuid, sequenceNumber: first + 3n, tailBytes: 0x1000, ...growing, bat: [{ 0: 0x40_0006, 31: 2 }] },
      { logGuid, sequenceNumber: first + 4n, tailBytes: 0x5000, ...grown, bat: [{ 0: 0x40_0006, 3: 2, 9: 2, 31: 2 }] },
    ]);
  });

  test('has the last two of them as its active sequence', async () => {
    const file = await imageFile();
    const { logGuid, logOffsetBytes, logLengthBytes } = headerOf(file);
    const log = { startBytes: logOffsetBytes, endBytes: logOffsetBytes + logLengthBytes };
    const sequence = activeSequence(file.subarray(log.startBytes, log.endBytes), logGuid);
    if (!sequence.ok) throw new Error(sequence.error.found);
    const { entries, ...rest } = sequence.value;
    expect(logGuid).toBe(corpus.image('vhdx-log-replay.vhdx').logGuid);
    expect(rest).toEqual({
      headOffsetBytes: 0x7000,
      endOffsetBytes: 0x9000,
      lastSequenceNumber: 80_117_443_871_106_391n,
      flushedFileOffsetBytes: 0x240_0000,
      lastFileOffsetBytes: 0x240_0000,
    });
    expect(entries.map(({ tailBytes }) => tailBytes)).toEqual([0x1000, 0x5000]);
    expect(entries.flatMap(({ descriptors }) => descriptors.map((one) => one.fileOffsetBytes))).toEqual([
      0x30_0000, 0x30_0000,
    ]);
    expect(replayFlaw(sequence.value, { fileSizeBytes: file.length, log })).toBeNull();
    expect(replayFlaw(sequence.value, { fileSizeBytes: file.length - 1, log })).toMatchObject({ flaw: 'truncated' });
  });
});
