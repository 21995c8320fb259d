import { expect } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { blockMerged, numbered, sealed, unsealed } from '../product/recorded-events.js';
import type { Guarantee } from './event-store.guarantee.js';
import { allOf, streamOf } from './event-store.steps.js';

export const READ_GUARANTEES: readonly Guarantee[] = [
  {
    title: 'a stream that has no event reads as empty, wherever it is asked about',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      expect(await store.head(stream)).toBeNull();
      expect(await allOf(store.read(stream))).toEqual([]);
      expect(await allOf(store.read(stream, { fromRevision: 3 }))).toEqual([]);
      expect(await allOf(store.read(stream, { direction: 'backwards' }))).toEqual([]);
      expect(await allOf(store.read(stream, { direction: 'backwards', fromRevision: 3 }))).toEqual([]);
      expect(await store.readLast(stream)).toBeNull();
      expect(await store.readLast(stream, 'BlockMerged')).toBeNull();
      expect(await store.checkBeside(stream)).toEqual([]);
    },
  },
  {
    title: 'reading starts at any revision and ends at the head, beyond which there is nothing',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const events = numbered(stream, 300);
      await store.append(stream, NO_STREAM, events);
      for (const fromRevision of [0, 1, 127, 128, 129, 256, 299, 300, 1000]) {
        expect(await allOf(store.read(stream, { fromRevision }))).toEqual(events.slice(fromRevision));
      }
    },
  },
  {
    title: 'reading backwards starts at any revision or at the head and ends at the first event',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const events = numbered(stream, 300);
      await store.append(stream, NO_STREAM, events);
      const backwards = (fromRevision?: number) =>
        allOf(store.read(stream, { direction: 'backwards', ...(fromRevision === undefined ? {} : { fromRevision }) }));
      expect(await backwards()).toEqual(events.toReversed());
      for (const fromRevision of [0, 1, 127, 128, 129, 255, 256, 298, 299, 300, 1000]) {
        expect(await backwards(fromRevision)).toEqual(events.slice(0, fromRevision + 1).toReversed());
      }
    },
  },
  {
    title: 'a reader that names a limit gets no more events than that, in either direction and across pages',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const events = numbered(stream, 300);
      await store.append(stream, NO_STREAM, events);
      for (const [fromRevision, limit] of [
        [0, 1],
        [7, 1],
        [299, 1],
        [300, 1],
        [0, 0],
        [100, 150],
        [290, 50],
        [0, 300],
      ] as const) {
        expect(await allOf(store.read(stream, { fromRevision, limit }))).toEqual(
          events.slice(fromRevision, fromRevision + limit),
        );
        const backwards = events
          .slice(0, fromRevision + 1)
          .reverse()
          .slice(0, limit);
        expect(await allOf(store.read(stream, { fromRevision, limit, direction: 'backwards' }))).toEqual(backwards);
      }
      expect(await allOf(store.read(stream, { limit: 2 }))).toEqual(events.slice(0, 2));
      expect(await allOf(store.read(stream, { limit: 2, direction: 'backwards' }))).toEqual(
        events.slice(298).reverse(),
      );
    },
  },
  {
    title: 'a reader may stop anywhere, and may read the same again',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const events = numbered(stream, 300);
      await store.append(stream, NO_STREAM, events);
      for (const direction of ['forwards', 'backwards'] as const) {
        for (let round = 0; round < 3; round += 1) {
          for await (const event of store.read(stream, { direction, fromRevision: 140 })) {
            if (Math.abs(event.revision - 140) === round) break;
          }
        }
      }
      expect(await allOf(store.read(stream))).toEqual(events);
    },
  },
  {
    title: 'the last event is found, of all and of each type, blocks among them',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const types = ['MergeStarted', 'MergeSuspended', 'BlockMerged', 'BlockMerged', 'MergeSuspended', 'MergeVerified'];
      const events = sealed(
        stream,
        types.map((type, at) => (type === 'BlockMerged' ? blockMerged(at) : unsealed(at, type))),
      );
      await store.append(stream, NO_STREAM, events);
      expect(await store.readLast(stream)).toEqual(events[5]);
      expect(await store.readLast(stream, 'BlockMerged')).toEqual(events[3]);
      expect(await store.readLast(stream, 'MergeSuspended')).toEqual(events[4]);
      expect(await store.readLast(stream, 'MergeStarted')).toEqual(events[0]);
      expect(await store.readLast(stream, 'MergeFailed')).toBeNull();
    },
  },
];
