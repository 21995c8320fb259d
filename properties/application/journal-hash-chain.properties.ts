import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { brokenLink, emptyHead, type RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import { parseEvent, printEvent } from '#application/journal/event-text';
import { texts, unsealedEvents } from '../product/recorded-event-arbitraries.js';
import { sealed, tools } from '../product/recorded-events.js';

const RUNS = { numRuns: 1000 };

/** A stream as a store keeps it: its name, and the text of each event. */
interface Stored {
  readonly name: string;
  readonly lines: readonly string[];
}

const streams = (minLength = 1): fc.Arbitrary<Stored> =>
  fc
    .record({ name: texts(), events: fc.array(unsealedEvents(), { minLength, maxLength: 6 }) })
    .map(({ name, events }) => ({ name, lines: sealed(name, events).map(printEvent) }));

/**
 * What an audit does: reads the texts in order and follows the hashes. Gives back the first bad revision, or null. A text counts
 * only as it was printed: a stored `1E21` says the same as `1e21`, but nobody of ours wrote it.
 */
const firstBadRevision = ({ name, lines }: Stored): number | null => {
  let head = emptyHead(name, tools.digests);
  for (const [revision, line] of lines.entries()) {
    const event = readOrNull(line, name, revision);
    if (event === null || brokenLink(event, name, head, tools.digests) !== null) return revision;
    head = event;
  }
  return null;
};

const readOrNull = (line: string, name: string, revision: number): RecordedEvent | null => {
  try {
    const event = parseEvent(line, name, revision);
    return printEvent(event) === line ? event : null;
  } catch (error) {
    if (error instanceof UnreadableEvent) return null;
    throw error;
  }
};

/** Any place in the stream, as a revision. */
const pick = ({ lines }: Stored, where: number): number => where % lines.length;

const replaced = (stored: Stored, at: number, count: number, ...lines: string[]): Stored => ({
  name: stored.name,
  lines: stored.lines.toSpliced(at, count, ...lines),
});

describe('the chain of hashes over a stream', () => {
  test.prop({ stored: streams(0) }, RUNS)('holds for every stream as it was sealed, printed and read', ({ stored }) => {
    expect(firstBadRevision(stored)).toBeNull();
  });

  test.prop({ stored: streams(2), where: fc.nat() }, RUNS)(
    'goes on across appends: sealing the rest after the head of the first part gives the same events',
    ({ stored, where }) => {
      const events = stored.lines.map((line, revision) => parseEvent(line, stored.name, revision));
      const cut = pick(stored, where);
      const first = sealed(stored.name, events.slice(0, cut));
      const rest = sealed(stored.name, events.slice(cut), first.at(-1) ?? emptyHead(stored.name, tools.digests));
      expect([...first, ...rest]).toEqual(events);
    },
  );

  test.prop({ stored: streams(), where: fc.nat(), bit: fc.nat() }, { numRuns: 2000 })(
    'shows any flipped bit of a stored text, at its event',
    ({ stored, where, bit }) => {
      const revision = pick(stored, where);
      const bytes = Buffer.from(stored.lines[revision]!);
      const at = Math.floor(bit / 8) % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (bit % 8)), at);
      expect(firstBadRevision(replaced(stored, revision, 1, bytes.toString('utf8')))).toBe(revision);
    },
  );

  test.prop({ stored: streams(2), where: fc.nat() }, RUNS)(
    'shows a dropped event at its place, unless it was the last: that one only the kept head reveals',
    ({ stored, where }) => {
      const revision = pick(stored, where);
      const last = revision === stored.lines.length - 1;
      expect(firstBadRevision(replaced(stored, revision, 1))).toBe(last ? null : revision);
    },
  );

  test.prop({ stored: streams(2), a: fc.nat(), b: fc.nat() }, RUNS)(
    'shows two swapped events at the first of their places',
    ({ stored, a, b }) => {
      const [first = 0, second = 0] = [pick(stored, a), pick(stored, b)].sort((x, y) => x - y);
      fc.pre(first !== second);
      const swapped = replaced(replaced(stored, first, 1, stored.lines[second]!), second, 1, stored.lines[first]!);
      expect(firstBadRevision(swapped)).toBe(first);
    },
  );

  test.prop({ stored: streams(), where: fc.nat(), to: fc.nat() }, RUNS)(
    'shows a duplicated event where the copy stands',
    ({ stored, where, to }) => {
      const copied = pick(stored, where);
      const place = to % (stored.lines.length + 1);
      // A copy right before its original is the original, and the original is then the copy.
      const expected = place === copied ? place + 1 : place;
      expect(firstBadRevision(replaced(stored, place, 0, stored.lines[copied]!))).toBe(expected);
    },
  );

  test.prop({ one: streams(), other: streams() }, RUNS)(
    'shows an event that was moved in from another stream',
    ({ one, other }) => {
      fc.pre(one.name !== other.name);
      expect(firstBadRevision(replaced(one, 0, 1, other.lines[0]!))).toBe(0);
    },
  );

  test.prop({ stored: streams(2), where: fc.nat(), event: unsealedEvents() }, RUNS)(
    'shows an event that was replaced and given sound hashes of its own, at the event after it',
    ({ stored, where, event }) => {
      const revision = where % (stored.lines.length - 1);
      const before = stored.lines.slice(0, revision).map((line, at) => parseEvent(line, stored.name, at));
      const [forged] = sealed(stored.name, [event], before.at(-1) ?? emptyHead(stored.name, tools.digests));
      fc.pre(printEvent(forged!) !== stored.lines[revision]);
      expect(firstBadRevision(replaced(stored, revision, 1, printEvent(forged!)))).toBe(revision + 1);
    },
  );
});
