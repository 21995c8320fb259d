/** Ways to run out of space that a file system does not tell beforehand, met by the program itself. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { programPath, resultOf, type Ended } from './built-program.js';
import { jsonLines } from './cli-processes.js';
import { SPACE_CHAINS, type SpaceChain } from './space-chains.js';
import { allocatedBytes, describeWithMounts, fillUp, withExt4, withThinExt4, withTmpfs } from './space-mounts.js';

const MIB = 1024 * 1024;

/** Runs the program in a shell that limits it first. The journal lies elsewhere. */
const program = async (journal: string, words: readonly string[], limit = 'true'): Promise<Ended> => {
  const child = spawn('bash', ['-c', `${limit}; exec "$@"`, 'bash', process.execPath, programPath(), ...words], {
    env: { ...process.env, CHAINFOLD_JOURNAL: `sqlite:${journal}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (texts.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (texts.stderr += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
};

const expectDone = async (
  journal: string,
  chain: SpaceChain,
  paths: ReturnType<SpaceChain['write']>,
  shown: string,
) => {
  const again = await program(journal, ['merge', paths.source, paths.destination, '--json']);
  expect({ code: again.code, err: again.stderr }).toMatchObject({ code: 0 });
  expect(chain.sha256(paths.destination)).toBe(shown);
  const jobId = resultOf(again).jobId as string;
  expect((await program(journal, ['audit', jobId, '--data'])).code).toBe(0);
  expect(allocatedBytes(paths.destination)).toBeLessThanOrEqual(
    Math.ceil(statSync(paths.destination).size / 4096) * 4096,
  );
};

describeWithMounts('a merge that runs out of space', () => {
  const grows = SPACE_CHAINS.filter(({ title }) => title.includes('dynamic'));

  test.each(grows)('at the largest file that its process may write: $title', (chain) =>
    withTmpfs(96 * MIB, async (folder) => {
      const paths = chain.write(folder);
      const shown = chain.sha256(paths.source);
      const journal = join(folder, 'journal.db');
      const largestKib = Math.ceil(statSync(paths.destination).size / 1024) + 256;
      const limited = await program(
        journal,
        ['merge', paths.source, paths.destination, '--json', '--window', '64K'],
        `ulimit -f ${String(largestKib)}`,
      );
      expect({ code: limited.code, err: limited.stderr }).toMatchObject({ code: 4 });
      expect((await program(journal, ['jobs'])).stdout).toContain('Suspended');
      expect(chain.sha256(paths.source)).toBe(shown);
      await expectDone(journal, chain, paths, shown);
    }),
  );

  test.each(grows)('in thin storage, where it shows at a flush: $title', (chain) =>
    withThinExt4(96 * MIB, 48 * MIB, async (folder, below) => {
      const paths = chain.write(folder);
      const shown = chain.sha256(paths.source);
      const elsewhere = join(below, '..', `journal-of-${String(process.pid)}.db`);
      // What was written until now is on the device; the merge finds it full in its middle.
      execFileSync('sync', ['-f', folder]);
      fillUp(below, 96 * 1024);
      const thin = await program(elsewhere, ['merge', paths.source, paths.destination, '--json']);
      console.log(
        `thin storage: exit ${String(thin.code)}: ${jsonLines(thin.stdout)
          .map(({ type }) => type)
          .join(' ')}`,
      );
      // ext4 tells of a device without room as EIO at the flush, or as ENOSPC: both can be gone on with.
      expect([1, 4]).toContain(thin.code);
      rmSync(join(below, 'filler'));
      expect(chain.sha256(paths.source)).toBe(shown);
      await expectDone(elsewhere, chain, paths, shown);
      for (const end of ['', '-wal', '-shm']) rmSync(elsewhere + end, { force: true });
    }),
  );

  test.each(grows)('because its journal lies there too, and the file system fills up: $title', (chain) =>
    withExt4(64 * MIB, async (folder) => {
      const paths = chain.write(folder);
      const shown = chain.sha256(paths.source);
      const journal = join(folder, 'journal.db');
      await program(journal, ['jobs']);
      fillUp(folder, 64 * 1024, 64 * 1024);
      const full = await program(journal, ['merge', paths.source, paths.destination, '--json']);
      expect([1, 3, 4]).toContain(full.code);
      rmSync(join(folder, 'filler'));
      expect(chain.sha256(paths.source)).toBe(shown);
      await expectDone(journal, chain, paths, shown);
    }),
  );

  test.each(grows)('or is killed, and leaves no file larger than it says: $title', (chain) =>
    withExt4(96 * MIB, async (folder) => {
      const paths = chain.write(folder);
      const shown = chain.sha256(paths.source);
      const journal = join(folder, 'journal.db');
      const child = spawn(
        process.execPath,
        [programPath(), 'merge', paths.source, paths.destination, '--json', '--window', '64K', '--rate', '200K'],
        {
          env: { ...process.env, CHAINFOLD_JOURNAL: `sqlite:${journal}` },
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      let out = '';
      child.stdout.on('data', (text: Buffer) => {
        out += text.toString();
        if (out.includes('BlockMerged')) child.kill('SIGKILL');
      });
      await once(child, 'close');
      expect(allocatedBytes(paths.destination)).toBeGreaterThan(statSync(paths.destination).size - 4 * MIB);
      expect(chain.sha256(paths.source)).toBe(shown);
      await expectDone(journal, chain, paths, shown);
    }),
  );
});
