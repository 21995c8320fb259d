import { copyFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { MergeOptions } from '#domain/merge-job/events';
import type { RunPorts } from '../merge/run-context.js';
import { MergeProgress } from '../progress/merge-progress.js';
import { differencingChains, materialise, mergePairs } from '../../properties/arbitraries/chains.js';
import { DEFAULT_OPTIONS, filesInMemory, merge, productPorts } from '../../properties/product/product.js';
import { smallChain, type SmallChain } from '../../properties/product/small-chain.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { CreateImage } from './create-image.js';
import { PlanMerge, type MergePlan } from './plan-merge.js';
import { RunMerge } from './run-merge.js';

const scratch = scratchFolder(folderInMemory());
const newPorts = (): RunPorts => productPorts({ files: filesInMemory() });
const plan = (
  ports: RunPorts,
  source: string,
  destination: string | null,
  options: Partial<MergeOptions> = {},
): Promise<MergePlan> => new PlanMerge(ports).plan(source, destination, { ...DEFAULT_OPTIONS, ...options });

const run = async (ports: RunPorts, { child, base }: SmallChain, options: Partial<MergeOptions> = {}) => {
  const wanted = { ...DEFAULT_OPTIONS, ...options };
  const answer = await new RunMerge(ports).request(child, base, wanted, (id) => new MergeProgress(id, ports.clock));
  if (answer.answer !== 'running') throw new Error(answer.answer);
  return answer.run;
};

/** Every file of a folder: content, and all that `touch` would change. */
const snapshot = (folder: string): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    readdirSync(folder).map((name) => {
      const { mtimeNs, ctimeNs, ino } = statSync(join(folder, name), { bigint: true });
      return [name, [readFileSync(join(folder, name)).toString('base64'), mtimeNs, ctimeNs, ino]];
    }),
  );

type Asked = { readonly source: string; readonly destination: string; readonly options?: Partial<MergeOptions> };

describe('a plan', () => {
  test.prop([differencingChains({ maxDepth: 3 }).chain((chain) => fc.tuple(fc.constant(chain), mergePairs(chain)))], {
    numRuns: 15,
  })('says what the merge then does: blocks, bytes, children; and it writes nothing', async ([chain, pair]) => {
    const { folder } = await smallChain(scratch());
    const { paths } = materialise(chain, folder);
    const [source, destination] = [paths[pair.source]!, paths[pair.destination]!];
    const ports = newPorts();
    const before = snapshot(folder);
    const planned = await plan(ports, source, destination);
    expect(snapshot(folder)).toEqual(before);
    expect(await firstAccepted(ports)).toBeNull();
    expect(planned.refusal).toBeNull();
    expect(planned.children).toEqual(pair.source > 0 ? [paths[pair.source - 1]] : []);
    await merge(ports, source, destination);
    const accepted = await firstAccepted(ports);
    expect(accepted).toMatchObject({ blocks: planned.totals?.blocks, bytes: planned.totals?.bytes });
  });

  it('without a destination is one into the parent', async () => {
    const { child, base } = await smallChain(scratch());
    expect(await plan(newPorts(), child, null)).toMatchObject({
      destination: base,
      totals: { blocks: 4, bytes: 2048 },
    });
  });

  it.each<readonly [string, (chain: SmallChain, ports: RunPorts) => Promise<Asked>]>([
    ['a relative path', async ({ base }) => ({ source: 'child.vhd', destination: base })],
    ['a source that is not there', async ({ child, base }) => ({ source: `${child}-`, destination: base })],
    ['a destination that is not there', async ({ child, base }) => ({ source: child, destination: `${base}-` })],
    ['one file twice', async ({ child }) => ({ source: child, destination: child })],
    ['a source without a parent', async ({ child, base }) => ({ source: base, destination: child })],
    [
      'a destination that is no ancestor',
      async ({ child }) => ({ source: child, destination: (await smallChain(scratch())).base }),
    ],
    ['a file that is no disk', async ({ child, base }) => ({ source: textFile(child), destination: base })],
    [
      'a sibling',
      async ({ child, base }) => {
        await childOf(base, 'sibling.vhd');
        return { source: child, destination: base };
      },
    ],
    [
      'an unwanted child',
      async ({ child, base }) => {
        await childOf(child, 'grandchild.vhd');
        return { source: child, destination: base, options: { reparent: 'none' } };
      },
    ],
    [
      'a source that was merged before',
      async ({ child, base }, ports) => {
        await mergeAndTouch(ports, child, base);
        return { source: child, destination: base };
      },
    ],
  ])('that a merge would refuse gives the same error: %s', async (_, prepare) => {
    const ports = newPorts();
    const { source, destination, options = {} } = await prepare(await smallChain(scratch()), ports);
    const planned = await plan(ports, source, destination, options);
    const merged = await merge(ports, source, destination, options);
    if (merged.answer !== 'refused') throw new Error(merged.answer);
    expect(planned.refusal).toEqual(merged.error);
  });

  it('names who has the files, and the job he is at', async () => {
    const ports = newPorts();
    const chain = await smallChain(scratch());
    const running = await run(ports, chain, { rateBytesPerSecond: 512 });
    const locks: RunPorts['locks'] = {
      lockAll: (files) => ports.locks.lockAll(files),
      holdersOf: async (paths) =>
        paths.map((path) => ({ pid: process.pid, program: 'test', how: 'chainfold lock', writes: true, path })),
      missingProtection: async () => [],
    };
    const planned = await plan({ ...ports, locks }, chain.child, chain.base);
    expect(planned.refusal).toMatchObject({ kind: 'image-in-use', related: [running.job.jobId] });
    expect(planned.holders.length).toBeGreaterThan(0);
    running.stop.ask({ action: 'suspend', by: 'test', why: 'signal' });
    await running.toEnd();
  });

  it('of a job that was stopped says where it goes on', async () => {
    const ports = newPorts();
    const chain = await smallChain(scratch());
    const running = await run(ports, chain);
    running.stop.ask({ action: 'suspend', by: 'test', why: 'signal' });
    await running.toEnd();
    const planned = await plan(ports, chain.child, chain.base);
    expect(planned).toMatchObject({ refusal: null, job: { jobId: running.job.jobId, is: 'unfinished' } });
  });

  it('of a merge that is done already has nothing left to do', async () => {
    const ports = newPorts();
    const { child, base } = await smallChain(scratch());
    await merge(ports, child, base, { retire: 'delete' });
    const planned = await plan(ports, child, base);
    expect(planned).toMatchObject({ refusal: null, job: { is: 'completed' }, totals: { blocks: 0, bytes: 0 } });
  });
});

const firstAccepted = async ({ store }: RunPorts): Promise<unknown> => {
  const jobs: string[] = [];
  for await (const { stream } of store.list('merge-')) jobs.push(stream);
  return jobs[0] === undefined ? null : (await store.readLast(jobs[0], 'ChainAccepted'))?.data;
};

const childOf = async (parentPath: string, name: string): Promise<void> => {
  const path = join(parentPath, '..', name);
  await new CreateImage(newPorts()).createChild({ path, parentPath, blockSizeBytes: 4096, rawPath: null, roots: [] });
};

const textFile = (child: string): string => {
  const path = `${child}.txt`;
  copyFileSync(import.meta.filename, path);
  return path;
};

/** The destination is used after the merge: a second merge would put old data over newer. */
const mergeAndTouch = async (ports: RunPorts, child: string, base: string): Promise<void> => {
  await merge(ports, child, base);
  const file = await ports.files.open(base, 'read-write');
  await file.write(new Uint8Array([1]), 8192);
  await file.close();
};
