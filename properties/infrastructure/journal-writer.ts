import { emptyHead } from '#application/journal/recorded-event';
import { openEventStore } from '#infrastructure/event-store/open-event-store';
import { sealed, tools, unsealed } from '../product/recorded-events.js';

/**
 * A program of its own, for tests with several processes: appends `count` events to `stream` in the journal at `path`, each at
 * the head of the moment, and prints the id of each on a line as soon as it is acknowledged.
 */
const [path = '', stream = '', who = '', count = ''] = process.argv.slice(2);

const store = await openEventStore(path, { mode: 'read-write' });
for (let number = 0; number < Number(count);) {
  const head = (await store.head(stream)) ?? emptyHead(stream, tools.digests);
  const events = sealed(stream, [unsealed({ who, number, padding: 'x'.repeat(500) })], head);
  const { outcome } = await store.append(stream, head.revision, events);
  if (outcome === 'wrong-revision') continue;
  process.stdout.write(`${String(events[0]?.id)}\n`);
  number += 1;
}
await store.close();
