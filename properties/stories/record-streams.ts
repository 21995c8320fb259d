/**
 * Records the streams of all stories, as this version of the code writes them:
 * `node --conditions=source --import tsx properties/stories/record-streams.ts VERSION`.
 * A folder that is there already is another version's, and stays as it is: recorded streams are only added to (decision 0014).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printEvent } from '#application/journal/event-text';
import { ALL_STORIES } from './all-stories.js';
import type { RecordedStory } from './recorded-story.js';
import { StoryWorld } from './story-world.js';

const [version] = process.argv.slice(2);
if (version === undefined) throw new Error('Say which version, as 0.2.0: its folder is made in properties/recorded.');

const target = join(import.meta.dirname, '..', 'recorded', version);
mkdirSync(target);
const index: Record<string, RecordedStory> = {};
for (const { name, tells, phase, happen } of ALL_STORIES) {
  const world = new StoryWorld(name);
  const jobId = await happen(world);
  const { store } = world.process();
  const streams = [`merge-${jobId}`, `control-${jobId}`];
  let text = '';
  for (const stream of streams) for await (const event of store.read(stream)) text += `${printEvent(event)}\n`;
  writeFileSync(join(target, `${name}.ndjson`), text);
  const [merge, control] = await Promise.all(streams.map((stream) => store.head(stream)));
  index[name] = { tells, phase, mergeHead: merge!.hash, controlHead: control?.hash ?? null };
}
writeFileSync(join(target, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
