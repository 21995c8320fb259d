import { fc, test as propertyTest } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { UnreadableEvent } from '#application/ports/event-codec';
import { unsealedEvents } from '../../../properties/product/recorded-event-arbitraries.js';
import { sealed, unsealed } from '../../../properties/product/recorded-events.js';
import { fromStored, toStored, type StoredEvent } from './envelope.js';

const STREAM = 'merge-1';

/** What the server hands back: the client prints data and metadata as JSON and parses them again. */
const throughTheServer = (event: ReturnType<typeof toStored>, revision: number): StoredEvent => ({
  streamId: STREAM,
  id: event.id,
  revision: BigInt(revision),
  type: event.type,
  isJson: true,
  data: JSON.parse(JSON.stringify(event.data)) as unknown,
  metadata: JSON.parse(JSON.stringify(event.metadata)) as unknown,
});

const [event] = sealed(STREAM, [unsealed({ number: 0 })]);
const stored = throughTheServer(toStored(event!), 0);

describe('an event in the server', () => {
  propertyTest.prop({ events: fc.array(unsealedEvents(), { minLength: 1, maxLength: 4 }) })(
    'comes back as it was sealed',
    ({ events }) => {
      const recorded = sealed(STREAM, events);
      expect(recorded.map((one, at) => fromStored(throughTheServer(toStored(one), at), STREAM))).toEqual(recorded);
    },
  );

  test.each([null, 0, '', 'text', false, [], [null], {}])('may have any JSON value as data: %j', (data) => {
    const [recorded] = sealed(STREAM, [unsealed(data)]);
    expect(fromStored(throughTheServer(toStored(recorded!), 0), STREAM)).toEqual(recorded);
  });

  test("keeps its id and type where the server has its own, and the correlation where the server's projection looks", () => {
    expect(toStored(event!)).toMatchObject({ id: event!.id, type: event!.type, contentType: 'application/json' });
    expect(stored.metadata).toMatchObject({
      $correlationId: event!.meta.$correlationId,
      $causationId: event!.meta.$causationId,
    });
  });

  test.each([undefined, () => 1, 7n])('is refused before it is sent when JSON cannot hold its data', (data) => {
    expect(() => toStored({ ...event!, data })).toThrow(TypeError);
  });
});

describe('an event that is not ours', () => {
  const metadata = stored.metadata as Readonly<Record<string, unknown>>;

  test.each(Object.keys(metadata))('because its metadata lacks %s is unreadable', (name) => {
    const { [name]: _, ...others } = metadata;
    expect(() => fromStored({ ...stored, metadata: others }, STREAM)).toThrow(UnreadableEvent);
  });

  test.each([undefined, null, 'text', [], new Uint8Array(3)])('because its metadata is %j is unreadable', (other) => {
    expect(() => fromStored({ ...stored, metadata: other }, STREAM)).toThrow('of another program');
  });

  test('because it is bytes, or a link to another stream, is unreadable', () => {
    expect(() => fromStored({ ...stored, isJson: false, data: new Uint8Array(3) }, STREAM)).toThrow(UnreadableEvent);
    expect(() => fromStored({ ...stored, streamId: 'merge-2' }, STREAM)).toThrow('an event of stream merge-2');
  });
});
