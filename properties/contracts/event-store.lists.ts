import { expect } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { numbered } from '../product/recorded-events.js';
import type { Guarantee } from './event-store.guarantee.js';

/** More streams than any adapter reads at a time. */
const MANY = Array.from({ length: 300 }, (_, at) => `merge-${String(at).padStart(4, '0')}`);
const AT_A_TIME = 15;

export const LIST_GUARANTEES: readonly Guarantee[] = [
  {
    title: 'streams are listed by prefix and in the order of their names, each with its head',
    holds: async (journal) => {
      const store = await journal.open();
      const named = (name: string): string => `${journal.prefix}${name}`;
      const names = [...MANY, 'merge', 'control-1', 'merge-\u{1f600}', 'merge-\uffee', 'merger'].map(named);
      for (let at = 0; at < names.length; at += AT_A_TIME) {
        await Promise.all(
          names.slice(at, at + AT_A_TIME).map((name) => store.append(name, NO_STREAM, numbered(name, 2))),
        );
      }
      const listed = async (prefix: string) => {
        const found: string[] = [];
        for await (const { stream, revision, hash } of store.list(named(prefix))) {
          expect([revision, hash]).toEqual([1, numbered(stream, 2)[1]?.hash]);
          found.push(stream);
        }
        return found;
      };
      expect(await listed('merge-')).toEqual([...MANY, 'merge-\uffee', 'merge-\u{1f600}'].map(named));
      expect(await listed('control-')).toEqual([named('control-1')]);
      expect(await listed('lease-')).toEqual([]);
      expect((await listed('')).length).toBe(names.length);
    },
  },
  {
    title: 'a stream is listed by every other store as soon as its first event is there, and never before',
    holds: async (journal) => {
      const store = await journal.open();
      const reader = await journal.open();
      const listed = async () => {
        const found: string[] = [];
        for await (const { stream } of reader.list(journal.prefix)) found.push(stream);
        return found;
      };
      const names = ['merge-b', 'merge-a', 'merge-c'].map((name) => `${journal.prefix}${name}`);
      for (const [at, name] of names.entries()) {
        await store.append(name, 4, []);
        expect(await store.append(name, 0, numbered(name, 2).slice(1))).toMatchObject({ outcome: 'wrong-revision' });
        expect(await listed()).toEqual(names.slice(0, at).sort());
        await store.append(name, NO_STREAM, numbered(name, 1));
        expect(await listed()).toEqual(names.slice(0, at + 1).sort());
      }
    },
  },
];
