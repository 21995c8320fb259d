import { expect } from 'vitest';
import { printEvent } from '#application/journal/event-text';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { LARGEST_APPEND_BYTES } from '#application/merge/window-merger';
import { EventStoreFault, NO_STREAM } from '#application/ports/event-store';
import { blockMerged, numbered, sealed, unsealed } from '../product/recorded-events.js';
import type { Guarantee } from './event-store.guarantee.js';
import { allOf, streamOf } from './event-store.steps.js';

const bytesOf = (events: readonly RecordedEvent[]): number =>
  events.reduce((bytes, event) => bytes + Buffer.byteLength(printEvent(event)), 0);

/** The first blocks of a job, as many as one append may carry. */
const fullWindow = (stream: string): RecordedEvent[] => {
  const blocks = (count: number) =>
    sealed(
      stream,
      Array.from({ length: count }, (_, block) => blockMerged(block)),
    );
  const events = blocks(400);
  while (bytesOf(events) > LARGEST_APPEND_BYTES) events.pop();
  return events;
};

/** One event that is as large as an append may be, to the byte. */
const fullEvent = (stream: string): RecordedEvent[] => {
  const [small] = sealed(stream, [unsealed({ bitmap: '' })]);
  const room = LARGEST_APPEND_BYTES - Buffer.byteLength(printEvent(small!));
  return sealed(stream, [unsealed({ bitmap: 'q'.repeat(room) })]);
};

export const SIZE_GUARANTEES: readonly Guarantee[] = [
  {
    title: 'an append as large as one may be, of one event or of hundreds, is one append',
    holds: async (journal) => {
      const store = await journal.open();
      for (const make of [fullWindow, fullEvent]) {
        const stream = `${streamOf(journal)}-${make.name}`;
        const events = make(stream);
        expect(bytesOf(events)).toBeGreaterThan(LARGEST_APPEND_BYTES - 1024);
        const revision = events.length - 1;
        expect(await store.append(stream, NO_STREAM, events)).toEqual({ outcome: 'appended', revision });
        expect(await store.append(stream, NO_STREAM, events)).toEqual({ outcome: 'appended', revision });
        expect(await allOf((await journal.open()).read(stream))).toEqual(events);
        expect(await store.checkBeside(stream)).toEqual([]);
      }
    },
  },
  {
    title: 'an append of thousands of events is taken whole or refused whole',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const events = sealed(
        stream,
        Array.from({ length: 3000 }, (_, block) => blockMerged(block)),
      );
      const answer = await store.append(stream, NO_STREAM, events).catch((error: unknown) => error);
      if (answer instanceof EventStoreFault) {
        // Waiting would not help: the person who runs the server has to.
        expect(answer.kind).toBe('failed');
        expect(await allOf((await journal.open()).read(stream))).toEqual([]);
        const fewer = numbered(stream, 3);
        expect(await store.append(stream, NO_STREAM, fewer)).toEqual({ outcome: 'appended', revision: 2 });
        expect(await allOf((await journal.open()).read(stream))).toEqual(fewer);
      } else {
        expect(answer).toEqual({ outcome: 'appended', revision: 2999 });
        expect(await store.append(stream, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 2999 });
        expect(await allOf((await journal.open()).read(stream))).toEqual(events);
      }
      expect(await store.checkBeside(stream)).toEqual([]);
    },
  },
  {
    title: 'any text and any size up to 200 KiB comes back to the letter',
    holds: async (journal) => {
      const store = await journal.open();
      const odd = [
        '',
        '\0',
        '\u001f\u007f\u0085\u2028\u2029\ufeff\ufffd\uffff',
        'Zürich 東京 \u{1f9e8}\u{10ffff}',
        `"\\/\b\f\n\r\t'`,
      ];
      const name = `${journal.prefix}merge-Zürich \u{1f9e8} %_"'`;
      const events = sealed(name, [
        unsealed(odd, 'Ärger'),
        unsealed({ bitmap: 'q'.repeat(200 * 1024) }),
        unsealed({ numbers: [0, 1e21, 5e-324, 2 ** 53 - 1, -1.5], nothing: null, deep: [[[{}]]] }),
        unsealed('a text alone'),
        unsealed(7),
        unsealed(null),
      ]);
      await store.append(name, NO_STREAM, events);
      expect(await allOf((await journal.open()).read(name))).toEqual(events);
      expect(await store.readLast(name, 'Ärger')).toEqual(events[0]);
      expect(await store.checkBeside(name)).toEqual([]);
    },
  },
];
