import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { UnreadableEvent } from '#application/ports/event-codec';
import { texts, unsealedEvents } from '../../properties/product/recorded-event-arbitraries.js';
import { numbered, sealed } from '../../properties/product/recorded-events.js';
import { parseEvent, printEvent } from './event-text.js';

const [event] = numbered('merge-1', 1) as [ReturnType<typeof numbered>[number]];

describe('the text of an event', () => {
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

  test.each(['', 'null', '[]', '7', '{}', '{"type":', '\u0000'])('%j is no event', (text) => {
    expect(() => parseEvent(text, 'merge-1', 0)).toThrow(UnreadableEvent);
  });

  test('of another place is not the event of this one', () => {
    expect(() => parseEvent(printEvent(event), 'merge-2', 0)).toThrow('its text is event 0 of stream merge-1');
    expect(() => parseEvent(printEvent(event), 'merge-1', 1)).toThrow(UnreadableEvent);
  });
});
