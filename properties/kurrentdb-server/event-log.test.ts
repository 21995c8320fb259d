import { fc, test as property } from '@fast-check/vitest';
import { expect } from 'vitest';
import { EventLog, type ProposedEvent } from './event-log.js';

const event = (id: string): ProposedEvent => ({
  id,
  properties: [],
  customMetadata: Uint8Array.of(),
  data: Uint8Array.of(),
});

const appends = fc.array(
  fc.record({
    stream: fc.constantFrom('a', 'b'),
    events: fc.array(fc.uuid().map(event), { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 10 },
);

property.prop([appends])(
  'whatever was appended at a revision and comes again there is answered as before, and adds nothing',
  (all) => {
    const log = new EventLog();
    const done = all.map(({ stream, events }) => {
      const revision = log.lengthOf(stream) - 1;
      const append = () => log.append(stream, revision === -1 ? 'no-stream' : revision, events);
      return { append, outcome: append() };
    });
    const length = log.all.length;
    for (const { append, outcome } of done) expect(append()).toEqual(outcome);
    expect(log.all).toHaveLength(length);
  },
);

property.prop([appends])('revisions are dense in each stream, positions ascend over all of them', (all) => {
  const log = new EventLog();
  for (const { stream, events } of all) log.append(stream, 'any', events);
  for (const stream of ['a', 'b'])
    expect(log.eventsOf(stream).map(({ revision }) => revision)).toEqual(log.eventsOf(stream).map((_, index) => index));
  const positions = log.all.map(({ position }) => position);
  expect(positions).toEqual([...new Set(positions)].sort((one, other) => one - other));
});
