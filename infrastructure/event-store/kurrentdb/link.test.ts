import { setTimeout as sleep } from 'node:timers/promises';
import { KurrentDBClient } from '@kurrent/kurrentdb-client';
import { describe, expect, test } from 'vitest';
import { Link, NoAnswer } from './link.js';

const newLink = (): Link => new Link(KurrentDBClient.connectionString('kurrentdb://127.0.0.1:1?tls=false'));

/** Never answers; what ends it is its own doing. */
const never = async (): Promise<never> => {
  const silence = new Promise<never>(() => {});
  return silence;
};

describe('a call on a link', () => {
  test('that is not answered in time ends without an answer, and what it says later disturbs nobody', async () => {
    const late = async (): Promise<never> => {
      await sleep(30);
      throw new Error('too late');
    };
    await expect(newLink().answer(late, 10)).rejects.toThrow(NoAnswer);
    // An unhandled rejection would fail this run.
    await sleep(40);
  });

  test('ends at once when the link ends, with the reason, and so does each later one', async () => {
    const link = newLink();
    const waiting = link.answer(never, 60_000);
    await link.end(new Error('over'));
    await expect(waiting).rejects.toThrow('over');
    await expect(link.answer(never, 60_000)).rejects.toThrow('over');
  });
});

describe('appends on a link', () => {
  test('are eight at a time, each in its turn', async () => {
    const link = newLink();
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const append = async (at: number): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await sleep(2);
      running -= 1;
      done.push(at);
    };
    await Promise.all(Array.from({ length: 40 }, async (_, at) => link.inTurn(async () => append(at))));
    expect(most).toBe(8);
    expect(done).toEqual([...Array(40).keys()]);
  });

  test('that wait for their turn when the link ends are never sent', async () => {
    const link = newLink();
    let sent = 0;
    const append = async (): Promise<never> => {
      sent += 1;
      return never();
    };
    const calls = Array.from({ length: 20 }, async () => link.answer(async () => link.inTurn(append), 60_000));
    const ended = Promise.allSettled(calls);
    await sleep(5);
    await link.end(new Error('over'));
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
    expect(sent).toBe(8);
  });
});
