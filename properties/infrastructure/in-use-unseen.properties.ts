import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Holder, ImageLocks } from '#application/ports/image-lock';
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';
import { scratchFolder } from '../models/scratch-folder.js';
import { childProgram } from '../product/child-program.js';
import { merge, productPorts, recordedEvents } from '../product/product.js';
import { chainInUse } from './in-use-chains.js';

const scratch = scratchFolder();
const isRoot = process.geteuid?.() === 0;
const LOOKER = childProgram(new URL('in-use-looker.ts', import.meta.url));
type Looked = { readonly holders: readonly Holder[]; readonly missing: readonly string[] };

const looking = (path: string, ...through: readonly string[]): Looked => {
  const [program, ...args] = [...through, process.execPath, LOOKER, path];
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' })) as Looked;
};

/** An image that a process of this user has open for writing. */
const whileOpen = (look: (path: string, pid: number) => void): void => {
  chmodSync(scratch(), 0o755);
  const path = join(scratch(), 'image');
  writeFileSync(path, 'an image', { mode: 0o644 });
  const fd = openSync(path, 'r+');
  const child = spawn('sleep', ['60'], { stdio: ['ignore', fd, 'inherit'] });
  try {
    look(path, child.pid!);
  } finally {
    child.kill('SIGKILL');
    closeSync(fd);
  }
};

const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

describe.runIf(process.platform === 'linux' && isRoot)('what cannot be seen is said', () => {
  it('of a user: how many processes he may not look into, and whose they are', () => {
    whileOpen((path, pid) => {
      const seen = looking(path).holders.map((holder: { readonly pid: number | null }) => holder.pid);
      expect(new Set(seen)).toEqual(new Set([process.pid, pid]));
      const { holders, missing } = looking(path, ...NOBODY);
      expect(holders).toEqual([]);
      expect(missing).toEqual([expect.stringMatching(/may not look into \d+ processes \(of .*root.*\)/)]);
    });
  });

  it('of root without the right to look into others, the same', () => {
    whileOpen((path) => {
      const { missing } = looking(path, 'setpriv', '--bounding-set', '-sys_ptrace');
      expect(missing).toEqual([expect.stringMatching(/may not look into/)]);
    });
  });

  it('of a container: programs outside of it', () => {
    whileOpen((path) => {
      const { holders, missing } = looking(path, 'unshare', '--pid', '--fork', '--mount-proc');
      expect(holders).toEqual([]);
      expect(missing).toEqual([expect.stringMatching(/PID name space of its own/)]);
    });
  });

  it('under hidepid: all other users', () => {
    whileOpen((path) => {
      const mountAndGoOn = ['sh', '-c', 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', 'sh'];
      const { missing } = looking(path, 'unshare', '--mount', ...mountAndGoOn, ...NOBODY);
      expect(missing).toEqual([expect.stringMatching(/mounted with hidepid/)]);
    });
  });

  it('without /proc: that nothing is seen', () => {
    whileOpen((path) => {
      const { missing } = looking(
        path,
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mount -t tmpfs none /proc && exec "$@"',
        'sh',
      );
      expect(missing).toEqual([expect.stringMatching(/does not tell which programs/)]);
    });
  });

  it('and a holder of another user is named with his user', () => {
    whileOpen((path) => {
      const child = spawn(NOBODY[0]!, [...NOBODY.slice(1), 'sh', '-c', 'exec 9<"$0"; echo; exec sleep 60', path]);
      try {
        execFileSync('sleep', ['0.3']);
        const { holders } = looking(path);
        expect(holders.find(({ pid }) => pid === child.pid)?.how).toBe('has it open for reading, user nobody');
      } finally {
        child.kill('SIGKILL');
      }
    });
  });
});

describe('the first event of a job', () => {
  const real = new OfdImageLocks();
  const asked: (readonly string[] | undefined)[] = [];
  const blind: ImageLocks = {
    lockAll: (files) => real.lockAll(files),
    holdersOf: (paths) => real.holdersOf(paths),
    missingProtection: async (paths) => {
      asked.push(paths);
      return ['nothing is seen'];
    },
  };

  it('says what could not be seen of the whole chain, and so does the acceptance', async () => {
    const { files, source, destination } = chainInUse('VHDX', scratch());
    const ports = productPorts({ locks: blind });
    const merged = await merge(ports, source, destination);
    if (merged.answer !== 'ran') throw new Error(merged.answer);
    const [requested, accepted] = await recordedEvents(ports, merged.jobId);
    expect(requested?.data).toMatchObject({ missingProtection: ['nothing is seen'] });
    expect(accepted?.data).toMatchObject({ missingProtection: ['nothing is seen'] });
    for (const paths of asked) expect([...(paths ?? [])].sort()).toEqual(files.map(({ path }) => path).sort());
  });

  it('says it of a refused pair, too, and of words that are no paths nothing', async () => {
    const { source, destination } = chainInUse('VHD', scratch());
    const ports = productPorts({ locks: blind });
    const swapped = await merge(ports, destination, source);
    if (swapped.answer !== 'refused') throw new Error(swapped.answer);
    const [requested] = await recordedEvents(ports, swapped.jobId!);
    expect([requested?.type, requested?.data]).toMatchObject([
      'MergeRequested',
      { missingProtection: ['nothing is seen'] },
    ]);
    expect(await merge(productPorts(), 'no path', '/no/such/disk.vhd')).toMatchObject({
      answer: 'refused',
      error: { kind: 'invalid-parameter' },
    });
  });
});

if (!isRoot) console.warn('left out: what other users and containers cannot see: it needs root');
