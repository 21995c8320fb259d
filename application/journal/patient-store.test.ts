import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EventStoreFault, NO_STREAM, type EventStore } from '#application/ports/event-store';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { NodeClock } from '#infrastructure/platform/node-clock';
import { numbered } from '../../properties/product/recorded-events.js';
import { PatientStore, type Patience } from './patient-store.js';

const STREAM = 'merge-1';
const EVENTS = numbered(STREAM, 10);

/** A memory store that is away for so many calls, counting each event that it hands out as one. */
class AwayStore extends MemoryEventStore {
  away = 0;
  kind: EventStoreFault['kind'] = 'unreachable';
  /** The append that finds it away is committed all the same. */
  commitsFirst = false;
  calls = 0;

  private goes(): void {
    this.calls += 1;
    if (this.away === 0) return;
    this.away -= 1;
    throw new EventStoreFault(`away ${String(this.away)}`, { kind: this.kind });
  }

  override async append(...given: Parameters<EventStore['append']>): ReturnType<EventStore['append']> {
    if (this.commitsFirst) await super.append(...given);
    this.goes();
    return super.append(...given);
  }

  override async head(stream: string): ReturnType<EventStore['head']> {
    this.goes();
    return super.head(stream);
  }

  override async *read(...given: Parameters<EventStore['read']>): ReturnType<EventStore['read']> {
    for await (const event of super.read(...given)) {
      this.goes();
      yield event;
    }
  }
}

const patient = (change: Partial<Patience> = {}) => {
  const store = new AwayStore();
  const told: (string | null)[] = [];
  const clock = Object.assign(new NodeClock(), { sleep: async () => undefined });
  const waiting = new PatientStore(store, {
    clock,
    signal: new AbortController().signal,
    limitMs: null,
    told: (reason) => told.push(reason),
    ...change,
  });
  return { store, waiting, told };
};

describe('a store that is waited for', () => {
  test('appends once it is back, and tells when it went away and when it was back', async () => {
    const { store, waiting, told } = patient();
    store.away = 3;
    expect(await waiting.append(STREAM, NO_STREAM, EVENTS)).toEqual({ outcome: 'appended', revision: 9 });
    expect(store.calls).toBe(4);
    expect(told).toEqual(['away 2', null]);
    expect(waiting.outages).toEqual([
      { since: expect.any(Number) as number, until: expect.any(Number) as number, attempts: 3, reason: 'away 2' },
    ]);
    waiting.outagesAreRecorded(1);
    expect(waiting.outages).toEqual([]);
  });

  test('appends once what was committed before the answer was lost', async () => {
    const { store, waiting } = patient();
    store.away = 1;
    store.commitsFirst = true;
    expect(await waiting.append(STREAM, NO_STREAM, EVENTS)).toEqual({ outcome: 'appended', revision: 9 });
    expect((await waiting.head(STREAM))?.revision).toBe(9);
  });

  test.each([
    [{}, EVENTS],
    [{ fromRevision: 2, limit: 5 }, EVENTS.slice(2, 7)],
    [{ direction: 'backwards' }, [...EVENTS].reverse()],
    [{ direction: 'backwards', fromRevision: 6, limit: 4 }, EVENTS.slice(3, 7).reverse()],
  ] as const)('reads on after the last event that it gave: %j', async (options, expected) => {
    for (let interruptedAt = 0; interruptedAt < expected.length; interruptedAt += 1) {
      const { store, waiting } = patient();
      await store.append(STREAM, NO_STREAM, EVENTS);
      const found = [];
      for await (const event of waiting.read(STREAM, options)) {
        found.push(event);
        if (found.length === interruptedAt + 1) store.away = 2;
      }
      expect(found).toEqual(expected);
    }
  });

  test('does not wait for what waiting does not mend', async () => {
    const { store, waiting, told } = patient();
    store.away = 1;
    store.kind = 'failed';
    await expect(waiting.head(STREAM)).rejects.toThrow('away 0');
    expect([store.calls, told]).toEqual([1, []]);
  });

  test('is waited for no longer than the limit', async () => {
    let now = 0;
    const clock = {
      now: () => 0,
      monotonic: () => now,
      sleep: async (milliseconds: number, signal?: AbortSignal) => {
        await nextTurn();
        if (signal?.aborted !== true) now += milliseconds;
      },
    };
    const { store, waiting, told } = patient({ clock, limitMs: 30_000 });
    store.away = Infinity;
    await expect(waiting.head(STREAM)).rejects.toMatchObject({ kind: 'unreachable' });
    expect(now).toBe(30_000);
    expect(told).toHaveLength(1);
  });

  test('that is silent holds up a run that is to stop by two seconds', async () => {
    const stop = new AbortController();
    const { store, waiting } = patient({ clock: new NodeClock(), signal: stop.signal });
    store.head = () => new Promise(() => {});
    const asked = waiting.head(STREAM);
    await sleep(20);
    stop.abort();
    const from = Date.now();
    await expect(asked).rejects.toMatchObject({ kind: 'unreachable' });
    expect(Date.now() - from).toBeLessThan(4000);
  });

  test('that is silent is waited for no longer than the limit and two seconds', async () => {
    const { store, waiting } = patient({ clock: new NodeClock(), limitMs: 50 });
    store.head = () => new Promise(() => {});
    await expect(waiting.head(STREAM)).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test('is given up as soon as the run is to stop', async () => {
    const stop = new AbortController();
    const { store, waiting } = patient({ clock: new NodeClock(), signal: stop.signal });
    store.away = Infinity;
    const asked = waiting.append(STREAM, NO_STREAM, EVENTS);
    await sleep(20);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ kind: 'unreachable' });
    expect(waiting.outages).toEqual([]);
  });
});
