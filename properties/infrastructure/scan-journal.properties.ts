import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSystemFault } from '../../application/ports/file-system.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { SteerMerge } from '../../application/use-cases/steer-merge.js';
import { ScanFolder } from '../../application/use-cases/scan-folder.js';
import { scanText } from '../../infrastructure/cli/scan-text.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { Died, dyingAfter, filesThat, type AtWrite } from '../product/dying-files.js';
import { filesInMemory, merge, productPorts } from '../product/product.js';
import { smallPair } from '../product/small-disks.js';

describe('a scan that reads the journal', () => {
  const scratch = scratchFolder(folderInMemory());
  const pair = () => {
    const folder = mkdtempSync(join(scratch(), 'j-'));
    return { folder, ...smallPair(folder), ports: productPorts({ files: filesInMemory() }) };
  };
  type Pair = ReturnType<typeof pair>;
  const scanned = async ({ folder, ports }: Pair) => {
    const found = await new ScanFolder(ports).scan(folder, { roots: [] }, ports);
    if (!found.ok) throw new Error(found.error.message);
    return found.value;
  };
  const text = async (made: Pair) =>
    scanText(await scanned(made), { quiet: true, nowMs: Date.now(), journal: undefined }).join('\n');

  /** A merge by a process that is no more: no process has this id. */
  const byAnother = async ({ ports, source, base }: Pair, atWrite: AtWrite) =>
    await merge(
      {
        ...productPorts({ files: filesThat(new NodeFileSystem(), atWrite), store: ports.store }),
        host: { ...ports.host, pid: 2 ** 30 },
      },
      source,
      base,
    );

  it('says which merge was interrupted, and how it goes on', async () => {
    const made = pair();
    await expect(byAnother(made, dyingAfter(made.base, 2))).rejects.toThrow(Died);
    const { jobs } = await scanned(made);
    expect(jobs).toMatchObject([{ state: 'interrupted', source: made.source, destination: made.base }]);
    expect(await text(made)).toContain(`job ${jobs[0]!.jobId}: interrupted, last event 0 s ago, `);
    expect(await text(made)).toContain(`chainfold resume ${jobs[0]!.jobId}`);
  });

  it('says which merge failed', async () => {
    const made = pair();
    const failed = await byAnother(made, (path) => {
      if (path === made.base) throw new FileSystemFault('io', 'write', path);
    });
    expect(failed).toMatchObject({ answer: 'ran', outcome: { outcome: 'failed' } });
    expect((await scanned(made)).jobs).toMatchObject([{ state: 'failed' }]);
  });

  it('says which merge is suspended', async () => {
    const made = pair();
    const suspended = await byAnother(made, (path) => {
      if (path === made.base) throw new FileSystemFault('out-of-space', 'write', path);
    });
    expect(suspended).toMatchObject({ answer: 'ran', outcome: { outcome: 'suspended' } });
    expect((await scanned(made)).jobs).toMatchObject([{ state: 'suspended' }]);
  });

  it('says of a job elsewhere nothing, nor of one that ended', async () => {
    const made = pair();
    await expect(byAnother(made, dyingAfter(made.base, 2))).rejects.toThrow(Died);
    const { jobs } = await scanned(made);
    expect(await scanned({ ...made, folder: mkdtempSync(join(scratch(), 'other-')) })).toMatchObject({ jobs: [] });
    // Copies of its images elsewhere are meant, too: by their identities.
    expect((await scanned({ ...pair(), ports: made.ports })).jobs).toEqual(jobs);
    const ended = await new SteerMerge(made.ports).steer(jobs[0]!.jobId, 'terminate', 1000);
    expect(ended).toMatchObject({ ok: true, value: { answer: 'done' } });
    expect(await scanned(made)).toMatchObject({ jobs: [] });
  });

  it('knows a merged image in quarantine from a file that only has such a name', async () => {
    const made = pair();
    const merged = await merge(made.ports, made.source, made.base, { retire: 'quarantine' });
    if (merged.answer !== 'ran') throw new Error(merged.answer);
    const [kept, named] = [merged.jobId, '00000000-0000-4000-8000-000000000000'].map(
      (jobId) => `${made.source}.merged-${jobId}`,
    ) as [string, string];
    copyFileSync(kept, named);
    writeFileSync(`${made.source}.merged-by-hand`, '');
    const { leftovers } = await scanned(made);
    expect(leftovers.map(({ path, kind, isConfirmed }) => [path, kind, isConfirmed])).toEqual(
      [
        [kept, 'quarantine', true],
        [named, 'quarantine', false],
      ].sort(([one], [another]) => (one! < another! ? -1 : 1)),
    );
    const kib = (leftovers.find(({ path }) => path === kept)!.sizeBytes / 1024).toFixed(1).replace('.0', '');
    expect(await text(made)).toContain(`${named.slice(made.folder.length + 1)}: merged by job`);
    expect(await text(made)).toContain(`; removal of what nobody needs would give ${kib} KiB.`);
  });
});
