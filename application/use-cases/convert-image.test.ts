import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MIB, TIB } from '#domain/quantities';
import { NodeFileSystem } from '#infrastructure/file-system/node-file-system';
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';
import type { Holder } from '../ports/image-lock.js';
import { convert } from '../../properties/product/conversions.js';
import { filesInMemory, productPorts } from '../../properties/product/product.js';
import { smallChain } from '../../properties/product/small-chain.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { FreeLocks } from '../../properties/simulation/free-locks.js';
import { CreateImage } from './create-image.js';

const scratch = scratchFolder(folderInMemory());

/** As vitest types it, this is anything. */
const matching = (words: RegExp): string => expect.stringMatching(words) as string;
const ports = productPorts({ files: filesInMemory() });

describe('a conversion is refused, and leaves the folder as it was,', () => {
  const refused = async (path: (chain: { folder: string; base: string }) => string, run = ports) => {
    const chain = await smallChain(scratch());
    const before = readdirSync(chain.folder);
    const outcome = await convert(run, chain.child, path(chain), { blockSizeBytes: 4096 });
    expect(readdirSync(chain.folder)).toEqual(before);
    if (outcome.outcome !== 'refused') throw new Error(`expected a refusal, found ${JSON.stringify(outcome)}`);
    return outcome.error;
  };

  it.each([
    ['when a file has the name', 'invalid-parameter', ({ base }: { base: string }) => base],
    [
      'when its name says no format',
      'invalid-parameter',
      ({ folder }: { folder: string }) => join(folder, 'new.qcow2'),
    ],
    [
      'when its name is a format and nothing else',
      'invalid-parameter',
      ({ folder }: { folder: string }) => join(folder, 'vhdx'),
    ],
    [
      'when its folder does not exist',
      'file-not-found',
      ({ folder }: { folder: string }) => join(folder, 'none', 'new.vhd'),
    ],
    [
      'when its folder is a file',
      'io-failed|file-not-found|not-a-file',
      ({ base }: { base: string }) => join(base, 'new.vhd'),
    ],
  ])('%s', async (_, kinds, path) => {
    const { kind, message } = await refused(path);
    expect(kinds.split('|'), message).toContain(kind);
  });

  it('when somebody writes to an image of the chain, and names them', async () => {
    const locks = new (class extends FreeLocks {
      override async holdersOf(paths: readonly string[] = []): Promise<readonly Holder[]> {
        return [{ pid: 7, program: 'dd', how: 'has it open for writing', writes: true, path: paths.at(-1)! }];
      }
    })();
    const error = await refused(({ folder }) => join(folder, 'new.raw'), { ...ports, locks });
    expect(error.kind).toBe('image-in-use');
    expect(error.message).toMatch(/base\.vhd: .*dd \(pid 7, has it open for writing\)/);
  });

  it('when there is no room for it, with what it needs', async () => {
    const files = new (class extends NodeFileSystem {
      override async freeSpaceBytes(): Promise<number> {
        return 4 * 4096;
      }
    })({ native: () => Promise.resolve(null) });
    const run = { ...productPorts({ files }), locks: new FreeLocks() };
    const error = await refused(({ folder }) => join(folder, 'new.vhd'), run);
    // Four blocks with their bitmaps, each on pages of its own.
    expect(error).toMatchObject({ kind: 'out-of-space', message: matching(/Expected 3\d{4} bytes/) });
    // A raw disk takes a page for each of the four.
    const chain = await smallChain(scratch());
    expect(await convert(run, chain.child, join(chain.folder, 'new.raw'))).toMatchObject({ outcome: 'converted' });
  });

  it('as a VHD when the disk is larger than one can be', async () => {
    const path = await bigDisk(64 * TIB);
    const outcome = await convert(ports, path, join(path, '..', 'new.vhd'));
    expect(outcome).toMatchObject({ outcome: 'refused', error: { kind: 'invalid-parameter' } });
  });
});

describe('a conversion', () => {
  it('takes as long as there is data, not as long as the disk is', async () => {
    const path = await bigDisk(64 * TIB);
    const made = await convert(ports, path, join(path, '..', 'new.vhdx'));
    expect(made).toMatchObject({ outcome: 'converted', disk: { virtualSizeBytes: 64 * TIB, bytesRead: 0 } });
  });

  it('has room for a fixed disk that is nearly empty, although its tables say that all of it is there', async () => {
    const folder = mkdtempSync(join(scratch(), 'f-'));
    const source = join(folder, 'fixed.vhd');
    await new CreateImage(ports).create({
      path: source,
      type: 'fixed',
      blockSizeBytes: 4096,
      logicalSectorSize: 512,
      content: { sizeBytes: 8 * MIB },
    });
    const files = new (class extends NodeFileSystem {
      override async freeSpaceBytes(): Promise<number> {
        return 4096;
      }
    })({ native: () => Promise.resolve(null) });
    const outcome = await convert(
      { ...productPorts({ files }), locks: new FreeLocks() },
      source,
      join(folder, 'new.vhd'),
    );
    expect(outcome).toMatchObject({ outcome: 'converted' });
    // No block was written for what reads zero.
    expect(statSync(join(folder, 'new.vhd')).size).toBeLessThan(8192);
  });

  it('is not published when a source was changed while it was read', async () => {
    const { child, base, folder } = await smallChain(scratch());
    const outcome = await convert(
      ports,
      child,
      join(folder, 'new.raw'),
      {},
      {
        progress: ({ stage }) => {
          if (stage === 'copying') utimesSync(base, 1, 1);
        },
      },
    );
    expect(outcome).toMatchObject({ outcome: 'failed', error: { kind: 'image-changed', path: base } });
    expect(readdirSync(folder).sort()).toEqual(['base.vhd', 'child.vhd']);
  });

  it.each(['measuring', 'copying', 'verifying'] as const)('that is stopped while %s leaves nothing', async (when) => {
    const { child, folder } = await smallChain(scratch());
    const stop = new AbortController();
    const outcome = await convert(
      ports,
      child,
      join(folder, 'new.vhdx'),
      {},
      {
        signal: stop.signal,
        progress: ({ stage }) => {
          if (stage === when) stop.abort();
        },
      },
    );
    expect(outcome).toEqual({ outcome: 'stopped' });
    expect(readdirSync(folder).sort()).toEqual(['base.vhd', 'child.vhd']);
  });

  it('is held to its rate', async () => {
    const { child, folder } = await smallChain(scratch(), { blocks: 16 });
    const startedAt = performance.now();
    await convert(ports, child, join(folder, 'new.raw'), { rateBytesPerSecond: 16 * 4096 * 10 });
    expect(performance.now() - startedAt).toBeGreaterThan(95);
  });
});

describe('what a killed conversion left', () => {
  const mark = `.chainfold-${ports.identifiers.nameBased('unfinished new.raw')}-`;
  const leftovers = (folder: string, guid: string, claimed: boolean): readonly string[] => {
    const names = [
      `${mark}${guid}.part.raw`,
      `${mark}${guid}.part.raw.x.new`,
      ...(claimed ? [`${mark}${guid}.claim`] : []),
    ];
    for (const name of names) writeFileSync(join(folder, name), 'left over');
    return names;
  };
  const [one, two] = ['11111111-0000-4000-8000-000000000001', '22222222-0000-4000-8000-000000000002'];

  it('is removed by the next one of that name, with its claim or without, and nothing else is', async () => {
    const { child, folder, shown } = await smallChain(scratch());
    leftovers(folder, one, true);
    leftovers(folder, two, false);
    const others = ['.chainfold-x', `.chainfold-${ports.identifiers.nameBased('unfinished other.raw')}-${one}.claim`];
    for (const name of others) writeFileSync(join(folder, name), '');
    expect(await convert(ports, child, join(folder, 'new.raw'))).toMatchObject({ outcome: 'converted' });
    expect(readdirSync(folder).sort()).toEqual([...others, 'base.vhd', 'child.vhd', 'new.raw'].sort());
    expect(readFileSync(join(folder, 'new.raw')).equals(shown)).toBe(true);
  });

  it('stays while somebody has its claim, and where nothing can be locked', async () => {
    const { child, folder } = await smallChain(scratch());
    const names = leftovers(folder, one, true);
    const locks = new OfdImageLocks();
    const held = await locks.lockAll([{ path: join(folder, `${mark}${one}.claim`), use: 'write' }]);
    expect(await convert(ports, child, join(folder, 'new.raw'))).toMatchObject({ outcome: 'converted' });
    for (const name of names) expect(existsSync(join(folder, name))).toBe(true);
    if (held.held) await held.release();
    const unable = new OfdImageLocks(() => Promise.resolve({ calls: null, missing: 'not here' }));
    const path = join(mkdtempSync(join(scratch(), 'n-')), 'new.raw');
    const left = leftovers(join(path, '..'), two, true);
    expect(await convert({ ...ports, locks: unable }, child, path)).toMatchObject({ outcome: 'converted' });
    for (const name of left) expect(existsSync(join(path, '..', name))).toBe(true);
  });

  it('is not removed when it is no file of ours: a folder, a link', async () => {
    const { child, folder } = await smallChain(scratch());
    mkdirSync(join(folder, `${mark}${one}.claim`));
    expect(await convert(ports, child, join(folder, 'new.raw'))).toMatchObject({ outcome: 'converted' });
    expect(statSync(join(folder, `${mark}${one}.claim`)).isDirectory()).toBe(true);
  });
});

const bigDisk = async (sizeBytes: number): Promise<string> => {
  const path = join(mkdtempSync(join(scratch(), 'b-')), 'big.vhdx');
  const made = await new CreateImage(ports).create({
    path,
    type: 'dynamic',
    blockSizeBytes: 256 * MIB,
    logicalSectorSize: 512,
    content: { sizeBytes },
  });
  expect(made.ok).toBe(true);
  return path;
};
