import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { UnreadableEvent } from '#application/ports/event-codec';
import { texts, unsealedEvents } from '../../properties/product/recorded-event-arbitraries.js';
import { numbered, sealed } from '../../properties/product/recorded-events.js';
import { parseEvent, printEvent } from './event-text.js';

const [event] = numbered('merge-1', 1) as [ReturnType<typeof numbered>[number]];

describe('the text of an event', () => {
  test('has its ten members and no other, which would be in its hash and in no sight', () => {
    const further = JSON.stringify({ ...event, isSigned: true });
    expect(() => parseEvent(further, event.stream, event.revision)).toThrow('not a recorded event');
  });

  test('is one line of JSON with the fields in the order that DESIGN §6 shows', () => {
    const text = printEvent(event);
    expect(text).not.toContain('\n');
    expect(Object.keys(JSON.parse(text) as object)).toEqual(
      'type stream revision id v occurredAt meta data prevHash hash'.split(' '),
    );
  });

  property.prop({ stream: texts(), events: fc.array(unsealedEvents(), { minLength: 1, maxLength: 3 }) })(
    'reads as the same event, and that prints as the same text',
    ({ stream, events }) => {
      for (const [revision, one] of sealed(stream, events).entries()) {
        const read = parseEvent(printEvent(one), stream, revision);
        expect(read).toEqual(one);
        expect(printEvent(read)).toBe(printEvent(one));
      }
    },
  );

  test.each([...Object.keys(event), '$correlationId', '$causationId', 'actor', 'appVersion', 'leaseEpoch'])(
    'is not an event without %s',
    (field) => {
      const text = printEvent(event).replace(`"${field}":`, '"other":');
      expect(() => parseEvent(text, 'merge-1', 0)).toThrow(UnreadableEvent);
    },
  );

  test.each([
    ['a time that no calendar has', '"occurredAt":1e300'],
    ['a time past the last day', '"occurredAt":8640000000000001'],
    ['a part of a millisecond', '"occurredAt":0.5'],
    ['an actor without a word', '"actor":{}'],
    ['a host that is a number', '"actor":{"kind":"cli","id":"a","host":7,"pid":1}'],
    ['a process that is a text', '"actor":{"kind":"cli","id":"a","host":"b","pid":"1"}'],
    ['a kind of actor that there is not', '"actor":{"kind":"x","id":"a","host":"b","pid":1}'],
  ])('is not an event with %s', (_, member) => {
    const [name] = member.split(':');
    const text = printEvent(event).replace(new RegExp(`${name!}:([{][^}]*[}]|[0-9]+)`), member);
    expect(text).toContain(member);
    expect(() => parseEvent(text, 'merge-1', 0)).toThrow('not a recorded event');
  });

  test('has nothing in its signature that the signature does not cover', () => {
    const signature = { algorithm: 'ed25519', publicKey: `${'A'.repeat(43)}=`, value: `${'A'.repeat(86)}==` };
    const withSignature = (given: object): string =>
      JSON.stringify({ ...event, meta: { ...event.meta, signature: given } });
    expect(() => parseEvent(withSignature(signature), 'merge-1', 0)).not.toThrow();
    expect(() => parseEvent(withSignature({ ...signature, note: 'x' }), 'merge-1', 0)).toThrow('not a recorded event');
  });

  test.each(['', 'null', '[]', '7', '{}', '{"type":', '\u0000'])('%j is no event', (text) => {
    expect(() => parseEvent(text, 'merge-1', 0)).toThrow(UnreadableEvent);
  });

  test('of another place is not the event of this one', () => {
    expect(() => parseEvent(printEvent(event), 'merge-2', 0)).toThrow('its text is event 0 of stream merge-1');
    expect(() => parseEvent(printEvent(event), 'merge-1', 1)).toThrow(UnreadableEvent);
  });
});
