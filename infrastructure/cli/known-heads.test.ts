import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { trailLines } from '#application/journal/trail';
import { MemoryEventStore } from '../event-store/memory-event-store.js';
import { sealed, unsealed } from '../../properties/product/recorded-events.js';
import { productPorts } from '../../properties/product/product.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { knownHeads } from './known-heads.js';

const scratch = scratchFolder(folderInMemory());
const STREAM = 'merge-0dc68a2c-5b3c-4a8b-8c8e-0d6a4f6f3c11';

/** Of a file with one stream of these types of events: the head that an audit is held to, and the events. */
const headOfFileWith = async (...types: readonly string[]) => {
  const events = sealed(
    STREAM,
    types.map((type) => unsealed({}, type)),
  );
  const store = new MemoryEventStore();
  await store.append(STREAM, -1, events);
  const ports = productPorts({ store });
  const lines: string[] = [];
  for await (const line of trailLines([STREAM], ports, 'memory:')) lines.push(`${line}\n`);
  const path = join(scratch(), 'trail.ndjson');
  writeFileSync(path, lines.join(''));
  const known = await knownHeads(path, ports);
  if (known.headOf === null) throw new Error(known.problem);
  return { head: known.headOf(STREAM), events };
};

describe('the head that a file keeps of a job', () => {
  it('is its last event', async () => {
    const { head, events } = await headOfFileWith('MergeRequested', 'MergeSuspended');
    expect(head).toEqual({ revision: 1, hash: events[1]!.hash });
  });

  it('is the event before it was moved, which both journals have', async () => {
    const { head, events } = await headOfFileWith('MergeRequested', 'MergeSuspended', 'JobMoved');
    expect(head).toEqual({ revision: 1, hash: events[1]!.hash });
  });
});
