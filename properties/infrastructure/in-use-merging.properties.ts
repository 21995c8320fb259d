import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ImageLocks } from '#application/ports/image-lock';
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';
import { scratchFolder } from '../models/scratch-folder.js';
import { merge, productPorts } from '../product/product.js';
import { describeWithQemu } from '../qemu.js';
import { start } from './cli-processes.js';
import { type ChainInUse, chainInUse, FORMATS } from './in-use-chains.js';
import { HOLDER_KINDS } from './in-use-holders.js';
import { refusalOf } from './in-use-matrix.js';
import { qemuOpens } from './other-processes.js';

// Starts the built program, CHAINFOLD_BIN.
const scratch = scratchFolder();
const real = new OfdImageLocks();
const merging: ChildProcess[] = [];

/** A merge that is too slow to come to an end. */
const startMerging = async ({ folder, source, destination }: ChainInUse): Promise<ChildProcess> => {
  const journal = join(scratch(), `journal-${String(merging.length)}-${String(process.hrtime.bigint())}.db`);
  const words = ['merge', source, destination, '--rate', '1', '--window', '1', '--json'];
  const started = start(words, { cwd: folder, journal });
  merging.push(started.child);
  await started.says(/"MergeStarted"/);
  return started.child;
};

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
};

afterEach(async () => {
  for (const child of merging.splice(0)) await kill(child);
});

describe.runIf(process.platform === 'linux')('a merge that runs', () => {
  describeWithQemu('as QEMU finds it', () => {
    it.each(FORMATS)('keeps QEMU from every file of a %s chain, and no longer when it is killed', async (format) => {
      const chain = chainInUse(format, scratch());
      const driver = format === 'VHD' ? 'vpc' : 'vhdx';
      const child = await startMerging(chain);
      for (const { path, written } of chain.files) {
        expect(qemuOpens(['-f', 'raw', path])).toMatch(/Failed to get "write" lock/);
        if (written) expect(qemuOpens(['-r', '-f', driver, path])).toMatch(/Failed to get shared "write" lock/);
        else expect(qemuOpens(['-r', '-f', 'raw', path])).toMatch(/^read 512/);
      }
      await kill(child);
      for (const { path } of chain.files) expect(qemuOpens(['-f', 'raw', path])).toMatch(/^read 512/);
    });
  });

  it.each([
    ['runs', undefined],
    ['is stopped', 'SIGSTOP'],
  ] as const)('and %s keeps another off, and is named', async (_, signal) => {
    const chain = chainInUse('VHD', scratch());
    const child = await startMerging(chain);
    if (signal !== undefined) child.kill(signal);
    const named = new RegExp(`main\\.js \\(pid ${String(child.pid)}, chainfold lock\\)`);
    expect((await refusalOf(chain)).message).toMatch(named);
    // A part of the chain is in use, too.
    const middle = chain.files.find(({ role }) => role === 'middle')!.path;
    expect((await refusalOf({ ...chain, source: middle })).message).toMatch(named);
    await kill(child);
    expect(await merge(productPorts(), chain.source, chain.destination)).toMatchObject({ answer: 'ran' });
  });
});

describe.runIf(process.platform === 'linux')('a holder that comes', () => {
  const writer = HOLDER_KINDS.find(({ title }) => title === 'a program that has it open for writing')!;

  it.each(['source', 'destination'] as const)(
    'while the %s is locked is seen: we look when we have the locks',
    async (role) => {
      const chain = chainInUse('VHD', scratch());
      const ends: (() => Promise<void>)[] = [];
      const steps: string[] = [];
      const locks: ImageLocks = {
        lockAll: async (files) => {
          const outcome = await real.lockAll(files);
          steps.push('locked');
          ends.push(await writer.take(chain[role], 'raw'));
          return outcome;
        },
        holdersOf: async (paths) => {
          steps.push('looked');
          return await real.holdersOf(paths);
        },
        missingProtection: (paths) => real.missingProtection(paths),
      };
      try {
        const merged = await merge(productPorts({ locks }), chain.source, chain.destination);
        expect(merged).toMatchObject({ answer: 'refused', error: { kind: 'image-in-use', path: chain[role] } });
        expect(steps).toEqual(['locked', 'looked']);
      } finally {
        for (const end of ends) await end();
      }
    },
  );

  it('after our look is kept off by our locks, when it asks for one', async () => {
    const chain = chainInUse('VHD', scratch());
    const said: string[] = [];
    const locks: ImageLocks = {
      lockAll: (files) => real.lockAll(files),
      holdersOf: async (paths) => {
        const holders = await real.holdersOf(paths);
        said.push(...paths.map((path) => qemuOpens(['-f', 'raw', path])));
        return holders;
      },
      missingProtection: (paths) => real.missingProtection(paths),
    };
    expect(await merge(productPorts({ locks }), chain.source, chain.destination)).toMatchObject({ answer: 'ran' });
    expect(said).toHaveLength(3);
    for (const words of said) expect(words).toMatch(/Failed to get "write" lock/);
  });
});
