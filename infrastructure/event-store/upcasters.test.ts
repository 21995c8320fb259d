import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import { blockMerged, numbered } from '../../properties/product/recorded-events.js';
import { EventJson, type EventHistory } from './event-json.js';
import { READ, VERSIONS, type AnyEventType } from './event-schemas.js';
import { UPCASTERS, type Upcaster, type Upcasters } from './upcasters.js';

const envelope = numbered('merge-1', 1)[0]!;
const recorded = (type: AnyEventType, v: number, data: unknown): RecordedEvent =>
  frozen({ ...envelope, type, v, data });

/** So that whoever changes a recorded event fails at it. */
const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
};

const codecWith = (versions: Partial<EventHistory['versions']>, upcasters: Upcasters): EventJson =>
  new EventJson({ versions: { ...VERSIONS, ...versions }, upcasters });

/** An invented past: version 1 said `reason` and `block`, version 2 said `why`, version 3 says `nextBlock`. */
const reasonIsWhy: Upcaster = ({ reason, ...rest }) => ({ ...rest, why: reason });
const blockIsNextBlock: Upcaster = ({ block, ...rest }) => ({ ...rest, nextBlock: block });
const THREE_VERSIONS = { MergeTerminated: { 1: reasonIsWhy, 2: blockIsNextBlock } };
const codec = codecWith({ MergeTerminated: 3 }, THREE_VERSIONS);
const terminated = { type: 'MergeTerminated', by: 'u', why: 'w', nextBlock: 8 } as const;
const FIRST = { by: 'u', reason: 'w', block: 8 };

test.each(Object.entries(VERSIONS) as [AnyEventType, number][])(
  'the way up to %s leads from its first version to the current one, without a hole and no further',
  (type, current) => {
    const from = Object.keys(UPCASTERS[type] ?? {}).map(Number);
    expect(from).toEqual(Array.from({ length: current - 1 }, (_, index) => index + 1));
  },
);

describe('an event type with a past of three versions', () => {
  test.each([
    [1, FIRST],
    [2, { by: 'u', why: 'w', block: 8 }],
    [3, { by: 'u', why: 'w', nextBlock: 8 }],
  ])('is read from version %i as the same event', (version, data) => {
    expect(codec.decodeJobEvent(recorded('MergeTerminated', version, data))).toEqual(terminated);
  });

  test('is written in the current version, the other types in theirs', () => {
    expect(codec.encode(terminated)).toEqual({
      type: 'MergeTerminated',
      v: 3,
      data: { by: 'u', why: 'w', nextBlock: 8 },
    });
    expect(codec.encode({ type: 'SuspendRequested', by: 'u', why: 'w' }).v).toBe(1);
  });

  test('is not read in the shape of another version than it says', () => {
    expect(() => codec.decodeJobEvent(recorded('MergeTerminated', 3, FIRST))).toThrow(UnreadableEvent);
    expect(() => codec.decodeJobEvent(recorded('MergeTerminated', 1, { by: 'u', why: 'w', nextBlock: 8 }))).toThrow(
      UnreadableEvent,
    );
  });

  test.each([4, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'is not read in version %d, and says why',
    (version) => {
      expect(() => codec.decodeJobEvent(recorded('MergeTerminated', version, FIRST))).toThrow(
        `Event 0 of stream merge-1 cannot be read: version ${String(version)} of MergeTerminated is unknown, ` +
          'this release reads versions 1 to 3',
      );
    },
  );

  test('is not read over a hole in the way up, but is from behind it', () => {
    const holed = codecWith({ MergeTerminated: 3 }, { MergeTerminated: { 2: blockIsNextBlock } });
    expect(() => holed.decodeJobEvent(recorded('MergeTerminated', 1, FIRST))).toThrow(
      'MergeTerminated: there is no way from version 1 to 2',
    );
    expect(holed.decodeJobEvent(recorded('MergeTerminated', 2, { by: 'u', why: 'w', block: 8 }))).toEqual(terminated);
  });

  test('is not read when an upcaster gives another shape than the current one', () => {
    const wrong = codecWith({ MergeTerminated: 2 }, { MergeTerminated: { 1: reasonIsWhy } });
    expect(() => wrong.decodeJobEvent(recorded('MergeTerminated', 1, FIRST))).toThrow(
      /cannot be read: MergeTerminated: nextBlock: /,
    );
  });

  test('is not read when an upcaster meets what it cannot be, and the reason is told', () => {
    const strict: Upcaster = ({ reason, ...rest }) => {
      if (typeof reason !== 'string') throw new TypeError('reason is no text');
      return { ...rest, why: reason };
    };
    const careful = codecWith({ MergeTerminated: 3 }, { MergeTerminated: { 1: strict, 2: blockIsNextBlock } });
    const read = (): unknown => careful.decodeJobEvent(recorded('MergeTerminated', 1, { ...FIRST, reason: 7 }));
    expect(read).toThrow(UnreadableEvent);
    expect(read).toThrow('MergeTerminated: version 1 cannot be made into 2: reason is no text');
  });

  test.each([[null], [[]], ['text'], [7]])('is not read when its data is %j', (data) => {
    expect(() => codec.decodeJobEvent(recorded('MergeTerminated', 1, data))).toThrow(
      'MergeTerminated: version 1 should be an object',
    );
  });
});

test('a request to a job has its versions like any event', () => {
  const withReason: Upcaster = (data) => ({ ...data, why: 'requested' });
  const asked = codecWith({ SuspendRequested: 2 }, { SuspendRequested: { 1: withReason } });
  const request = { type: 'SuspendRequested', by: 'u', why: 'requested' } as const;
  expect(asked.decodeControlRequest(recorded('SuspendRequested', 1, { by: 'u' }))).toEqual(request);
  expect(asked.encode(request).v).toBe(2);
  expect(() => asked.decodeControlRequest(recorded('SuspendRequested', 3, {}))).toThrow('reads versions 1 to 2');
});

describe('a BlockMerged with a past of three versions', () => {
  /** Version 1 counted `bytes` in sectors, version 2 had no `repair`: both can look like today's event. */
  const inBytes: Upcaster = ({ bytes, ...rest }) => ({ ...rest, bytes: Number(bytes) * 512 });
  const noRepairs: Upcaster = (data) => ({ ...data, repair: false });
  const blocks = codecWith({ BlockMerged: 3 }, { BlockMerged: { 1: inBytes, 2: noRepairs } });
  const sound = blockMerged(3).data as Readonly<Record<string, unknown>>;
  const byTheSchema = (data: unknown) => ({ type: 'BlockMerged', ...READ.BlockMerged.parse(data) });

  test('is brought up though its old data looks like that of today', () => {
    const old = { ...sound, bytes: 8, repair: true };
    expect(blocks.decodeJobEvent(recorded('BlockMerged', 1, old))).toMatchObject({ bytes: 4096, repair: false });
    expect(blocks.decodeJobEvent(recorded('BlockMerged', 2, old))).toMatchObject({ bytes: 8, repair: false });
    expect(blocks.decodeJobEvent(recorded('BlockMerged', 3, old))).toMatchObject({ bytes: 8, repair: true });
  });

  const optional = {
    zeros: fc.constantFrom(undefined, { runs: [[0, 8]] }),
    sectors: fc.constantFrom({ runs: [[0, 4096]] }, { bitmap: '/w8=', bits: 16 }),
    version: fc.constantFrom(1, 2, 3),
    bytes: fc.nat(),
  };

  property.prop(optional)('reads in every version as its schema reads what the upcasters make of it', (drawn) => {
    const { version, zeros, ...fields } = drawn;
    const data = { ...sound, ...fields, ...(zeros === undefined ? {} : { zeros }) };
    const current = version === 3 ? data : noRepairs(version === 1 ? inBytes(data) : data);
    expect(blocks.decodeJobEvent(recorded('BlockMerged', version, data))).toEqual(byTheSchema(current));
  });
});
