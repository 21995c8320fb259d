import { beforeAll, describe, expect, test } from 'vitest';
import { readJobState } from '#application/jobs/read-job-state';
import type { RunPorts } from '#application/merge/run-context';
import { AuditJob } from '#application/use-cases/audit-job';
import { VERSIONS } from '#infrastructure/event-store/event-schemas';
import { ALL_STORIES } from './all-stories.js';
import { StoryWorld } from './story-world.js';

/** The next version has to record its streams, too, so what it records them from is kept working. */
describe('the stories that are recorded', () => {
  const told = new Map<string, { readonly jobId: string; readonly ports: RunPorts }>();

  beforeAll(async () => {
    for (const { name, happen } of ALL_STORIES) {
      const world = new StoryWorld(name);
      told.set(name, { jobId: await happen(world), ports: world.process() });
    }
  });

  test.each(ALL_STORIES.map((story) => [story.name, story.phase] as const))(
    '%s: the job is %s, and right to the audit',
    async (name, phase) => {
      const { jobId, ports } = told.get(name)!;
      expect((await readJobState(`merge-${jobId}`, ports)).state.phase).toBe(phase);
      expect(await new AuditJob(ports).audit(jobId)).toMatchObject({ ok: true, value: { isRight: true } });
    },
  );

  test('have every type of event among them', async () => {
    const types = new Set<string>();
    for (const { jobId, ports } of told.values())
      for (const stream of [`merge-${jobId}`, `control-${jobId}`])
        for await (const { type } of ports.store.read(stream)) types.add(type);
    expect([...types].sort()).toEqual(Object.keys(VERSIONS).sort());
  });
});
