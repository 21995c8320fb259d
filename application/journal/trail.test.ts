import { describe, expect, test } from 'vitest';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer, newPrivateKeyPem } from '#infrastructure/platform/ed25519-signer';
import { numbered, sealed, tools, unsealed } from '../../properties/product/recorded-events.js';
import type { RecordedEvent } from './recorded-event.js';
import { parseStart, printStart } from './trail-lines.js';
import { readTrail, TrailFlaw, trailLines, type TrailEnd } from './trail.js';

const signer = new Ed25519Signer(newPrivateKeyPem());
const clock = { now: () => 1_764_000_000_000, monotonic: () => 0, sleep: () => Promise.resolve() };
const host = {
  name: 'storage-7',
  user: 'operator',
  pid: 4711,
  bootId: 'boot',
  engineVersion: '0.1.0',
  door: 'cli',
  isRunning: () => true,
} as const;

const storeWith = async (...streams: readonly (readonly RecordedEvent[])[]): Promise<MemoryEventStore> => {
  const store = new MemoryEventStore();
  for (const events of streams) await store.append(events[0]!.stream, -1, events);
  return store;
};

const linesFrom = async (store: MemoryEventStore, streams: readonly string[]): Promise<string[]> => {
  const lines: string[] = [];
  const ports = { store, clock, host, signer, digests: tools.digests };
  for await (const line of trailLines(streams, ports, 'sqlite:/journal.db')) lines.push(line);
  return lines;
};

const control = numbered('control-1', 2);
const merge = sealed('merge-1', [unsealed({ text: 'ä𝄞\u2028"\\' }), unsealed([1e21, 0.1, null]), unsealed('')]);
const trail = async (): Promise<string[]> =>
  await linesFrom(await storeWith(control, merge), ['control-1', 'merge-1', 'control-2']);

async function* given(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield await Promise.resolve(line);
}

const read = async (lines: readonly string[]): Promise<{ events: RecordedEvent[]; end: TrailEnd }> => {
  const events: RecordedEvent[] = [];
  const reader = readTrail(given(lines), { digests: tools.digests, signer });
  for (;;) {
    const next = await reader.next();
    if (next.done === true) return { events, end: next.value };
    events.push(next.value);
  }
};

test.each([1e300, 8.64e15 + 1, 0.5])('a trail was not made at %d: no calendar has that time', (madeAt) => {
  const start = { madeAt, by: 'operator', host: 'storage-7', appVersion: '0.1.0', journal: 'sqlite:/journal.db' };
  expect(parseStart(printStart(start))).toBeNull();
  expect(parseStart(printStart({ ...start, madeAt: 8.64e15 }))).not.toBeNull();
});

const flawIn = async (lines: readonly string[]): Promise<TrailFlaw> => {
  try {
    await read(lines);
  } catch (error) {
    if (error instanceof TrailFlaw) return error;
    throw error;
  }
  throw new Error('The trail was read as a whole one.');
};

describe('a trail', () => {
  test('gives back every event as it was recorded, and says how many there are and who signed', async () => {
    const { events, end } = await read(await trail());
    expect(events).toEqual([...control, ...merge]);
    expect([end.streams, end.events, end.signature.publicKey]).toEqual([2, 5, signer.publicKey]);
  });

  test('begins with whence it is, closes each stream with its head, and leaves out a stream without events', async () => {
    const lines = await trail();
    expect(lines[0]).toBe(
      '{"type":"trail","format":1,"madeAt":1764000000000,"by":"operator","host":"storage-7","appVersion":"0.1.0","journal":"sqlite:/journal.db"}',
    );
    expect(lines[3]).toBe(`{"type":"head","stream":"control-1","revision":1,"hash":"${control[1]!.hash}"}`);
    expect(lines).toHaveLength(1 + 2 + 1 + 3 + 1 + 1);
  });

  test('of no stream at all is whole, too', async () => {
    expect((await read(await linesFrom(await storeWith(), []))).events).toEqual([]);
  });

  test('is not made of a store whose events are no chain', async () => {
    const [first, second] = control as [RecordedEvent, RecordedEvent];
    const store = await storeWith([first, { ...second, data: { number: 7 } }]);
    await expect(linesFrom(store, ['control-1'])).rejects.toThrow(
      'Event 1 of stream control-1 cannot be read: it has hash',
    );
  });
});

describe('a reader of a trail', () => {
  test('finds a flipped bit of any byte', async () => {
    const text = Buffer.from(`${(await trail()).join('\n')}\n`, 'utf8');
    let passed = 0;
    for (let bit = 0; bit < text.length * 8; bit += 5) {
      const flipped = Buffer.from(text);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      // Bytes that are no UTF-8, or no whole lines, do not come as far as this reader.
      const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(flipped);
      if (!Buffer.from(decoded, 'utf8').equals(flipped) || !decoded.endsWith('\n')) continue;
      await flawIn(decoded.slice(0, -1).split('\n'));
      passed += 1;
    }
    expect(passed).toBeGreaterThan(text.length);
  });

  test('finds every line that was left out, given twice, or swapped with the next', async () => {
    const lines = await trail();
    for (let index = 0; index < lines.length; index++) {
      await flawIn(lines.toSpliced(index, 1));
      await flawIn(lines.toSpliced(index, 0, lines[index]!));
      if (index + 1 < lines.length) await flawIn(lines.toSpliced(index, 2, lines[index + 1]!, lines[index]!));
      await flawIn(lines.slice(0, index));
    }
  });

  test.each<[string, (lines: string[]) => string[], number, string]>([
    ['a newer format', (lines) => lines.with(0, lines[0]!.replace('"format":1', '"format":2')), 1, 'has format 2'],
    ['no trail', () => ['hello'], 1, 'is not the first line of a trail'],
    ['an empty file', () => [], 1, 'is missing'],
    ['white space', (lines) => lines.with(1, lines[1]!.replace('{"number"', '{ "number"')), 2, 'not as it is printed'],
    ['another escape', (lines) => lines.with(4, lines[4]!.replace('ä', '\\u00e4')), 5, 'not as it is printed'],
    ['another number', (lines) => lines.with(5, lines[5]!.replace('1e+21', '1E21')), 6, 'not as it is printed'],
    ['a member twice', (lines) => lines.with(1, lines[1]!.replace('"v":1', '"v":1,"v":1')), 2, 'not as it is printed'],
    ['a member more', (lines) => lines.with(1, lines[1]!.replace('"v":1', '"v":1,"w":1')), 2, 'not a recorded event'],
    ['half a character', (lines) => lines.with(4, lines[4]!.replace('𝄞', '\\ud834')), 5, 'has no hash'],
    ['endless nesting', (lines) => lines.with(1, nested(lines[1]!)), 2, ''],
    [
      'other content',
      (lines) => lines.with(1, lines[1]!.replace('"number":0', '"number":9')),
      2,
      'but its content gives',
    ],
    ['a stream again', (lines) => lines.toSpliced(4, 0, ...lines.slice(1, 4)), 5, 'a second time'],
    ['a head alone', (lines) => lines.toSpliced(4, 0, lines[3]!), 5, 'has no events here'],
    ['a cut stream', (lines) => lines.toSpliced(2, 1), 3, 'differs from the events before it'],
    ['no head', (lines) => lines.toSpliced(7, 1), 8, 'the head of merge-1 is missing'],
    ['something after the end', (lines) => [...lines, lines[1]!], 10, 'comes after the end'],
    ['no end', (lines) => lines.slice(0, -1), 9, 'something was cut off'],
    ['a stream less', (lines) => lines.toSpliced(1, 3), 6, 'counts 2 streams and 5 events, but there are 1 and 3'],
    ['another origin', (lines) => lines.with(0, lines[0]!.replace('storage-7', 'storage-8')), 9, 'has SHA-256'],
  ])('names the line of %s', async (_, damage, line, what) => {
    const flaw = await flawIn(damage(await trail()));
    expect([flaw.line, flaw.message]).toEqual([line, expect.stringContaining(what)]);
  });

  test('takes no signature of another trail, and none by another key than it names', async () => {
    const lines = await trail();
    const other = await linesFrom(await storeWith(control), ['control-1']);
    const signatureOf = (text: string): string => /"signature":.*/.exec(text)![0];
    const end = lines.at(-1)!;
    const foreign = new Ed25519Signer(newPrivateKeyPem()).publicKey;
    for (const changed of [
      end.replace(signatureOf(end), signatureOf(other.at(-1)!)),
      end.replace(signer.publicKey, foreign),
    ]) {
      const flaw = await flawIn(lines.with(-1, changed));
      expect(flaw.what).toContain('has a signature that is not one of this trail');
    }
  });
});

const nested = (line: string): string => line.replace('{"number":0}', `${'['.repeat(200_000)}${']'.repeat(200_000)}`);
