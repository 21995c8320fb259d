/** Prototype pollution through what is read as JSON: a journal that was written to by others, a trail that was edited. CRASH-TESTS.md 4.5 */
import { describe, expect, test } from 'vitest';
import { EventJson } from '#infrastructure/event-store/event-json';
import { sealed, unsealed } from '../product/recorded-events.js';

const RUN = {
  epoch: 2,
  host: 'h',
  pid: 1,
  bootId: 'b',
  engineVersion: '0.1.0',
  windowBytes: 1_048_576,
  fileWriteGuids: { '/a': 'guid' },
};
const codec = new EventJson();
const started = codec.encode({ type: 'MergeStarted', run: RUN, sourceViewDigest: null });
const POLLUTION = '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}';

/** The event as a store has it, with such members at the start of its n-th object. */
const pollutedText = (object: number): string => {
  let seen = -1;
  return JSON.stringify(started.data).replace(/\{/g, (brace) => {
    seen += 1;
    return seen === object ? `${brace}${POLLUTION},` : brace;
  });
};

/** Whoever copies members into an object without care has changed all objects by now. */
const isPolluted = (value: object): boolean => 'polluted' in value;

describe('an event with members called __proto__ and constructor', () => {
  test.each([
    [0, 'the event’s own'],
    [1, 'those of its run'],
    [2, 'those of a table of paths'],
  ])('in object %i, %s, changes nothing but itself', (object) => {
    const data: unknown = JSON.parse(pollutedText(object));
    const [recorded] = sealed('merge-1', [{ ...unsealed(data, started.type), v: started.v }]);
    try {
      const event = codec.decodeJobEvent(recorded!);
      expect(isPolluted(event)).toBe(false);
      if (event.type === 'MergeStarted') {
        expect(isPolluted(event.run)).toBe(false);
        expect(isPolluted(event.run.fileWriteGuids)).toBe(false);
      }
    } catch (refusal) {
      expect(refusal).toMatchObject({ name: 'UnreadableEvent' });
    }
    expect(isPolluted({})).toBe(false);
    expect(isPolluted([])).toBe(false);
  });
});
