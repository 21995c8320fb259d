import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import type { ReparentJobEvent } from '#domain/reparent-job/events';
import { numbered } from '../../properties/product/recorded-events.js';
import { EventJson } from './event-json.js';

const file = { dev: '1', ino: '18446744073709551615', sizeBytes: 3, mtimeNs: '4' };
const image = {
  path: '/d/child.vhdx',
  format: 'vhdx',
  type: 'differencing',
  virtualSizeBytes: 4096,
  blockSizeBytes: 4096,
  logicalSectorSize: 512,
  identity: 'i',
  parentIdentity: null,
  writeIdentity: 'w',
  file,
} as const;
const error = { kind: 'chain-cycle', message: 'm', path: null, related: ['/b'], hresult: 0xc03a0018 } as const;
const requester = { user: 'u', host: 'h', pid: 1 };

const EVENTS: readonly ReparentJobEvent[] = [
  { type: 'ReparentRequested', child: '/a', parent: '', ignoreIdMismatch: true, roots: ['/r'], requester },
  { type: 'ReparentRefused', error, returnCode: 32775 },
  {
    type: 'ParentLinkPrepared',
    child: image,
    parent: image,
    oldIdentities: ['one', 'two'],
    oldPaths: [{ locator: 'W2ru', path: '.\\b.vhd' }],
    newPaths: [{ locator: 'relative_path', path: '..\\b.vhdx' }],
    identityMatched: false,
    images: { region: 'AA==', regionOffset: 512 },
    missingProtection: ['none'],
  },
  { type: 'ParentLinkChanged', child: '/a', parent: '/b', parentIdentity: 'i', file },
  { type: 'ReparentFailed', error, returnCode: 32775, resumable: true, nextStep: 'n' },
];

const codec = new EventJson();
const recorded = (type: string, v: number, data: unknown): RecordedEvent => ({
  ...numbered('reparent-1', 1)[0]!,
  type,
  v,
  data: JSON.parse(JSON.stringify(data)) as unknown,
});
const dataOf = ({ type: _type, ...data }: ReparentJobEvent): Record<string, unknown> => data;

describe.each(EVENTS)('the event $type', (event) => {
  test('comes back from JSON as it was, in version 1', () => {
    const { type, v, data } = codec.encode(event);
    expect({ type, v }).toEqual({ type: event.type, v: 1 });
    expect(codec.decodeReparentEvent(recorded(type, v, data))).toEqual(event);
  });

  test('is neither written nor read without a field, or with another kind of value in it', () => {
    for (const field of Object.keys(dataOf(event))) {
      const { [field]: _left, ...without } = dataOf(event);
      for (const data of [without, { ...without, [field]: { unexpected: true } }]) {
        expect(() => codec.encode({ ...data, type: event.type } as ReparentJobEvent)).toThrow(TypeError);
        expect(() => codec.decodeReparentEvent(recorded(event.type, 1, data))).toThrow(UnreadableEvent);
      }
    }
  });

  test('is not written with a field too many, and is read without it; another version is not read', () => {
    const data: Record<string, unknown> = { ...dataOf(event), later: 1 };
    expect(() => codec.encode({ ...data, type: event.type } as ReparentJobEvent)).toThrow(TypeError);
    expect(codec.decodeReparentEvent(recorded(event.type, 1, data))).toEqual(event);
    expect(() => codec.decodeReparentEvent(recorded(event.type, 2, dataOf(event)))).toThrow(/version 2 .* is unknown/);
  });

  test('is no event of a merge, nor a request to one', () => {
    expect(() => codec.decodeJobEvent(recorded(event.type, 1, dataOf(event)))).toThrow(UnreadableEvent);
    expect(() => codec.decodeControlRequest(recorded(event.type, 1, dataOf(event)))).toThrow(UnreadableEvent);
  });
});

test.each(['MergeTerminated', 'constructor', ''])('a re-parenting has no event of type "%s"', (type) =>
  expect(() => codec.decodeReparentEvent(recorded(type, 1, {}))).toThrow(UnreadableEvent),
);
