import { linkSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ok } from '#domain/result';
import { writeDisk } from '../../properties/infrastructure/scan-forest.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { filesInMemory, productPorts } from '../../properties/product/product.js';
import { FreeLocks } from '../../properties/simulation/free-locks.js';
import { UnfinishedFiles } from '../convert/unfinished-files.js';
import type { Holder } from '../ports/image-lock.js';
import { ScanFolder } from '../use-cases/scan-folder.js';

/** Locks of a machine where some process holds every claim, or none can be seen. */
class SeenLocks extends FreeLocks {
  constructor(
    private readonly holder: Omit<Holder, 'path'> | null,
    private readonly missing: readonly string[],
  ) {
    super();
  }

  override async holdersOf(paths: readonly string[] = []): Promise<readonly Holder[]> {
    return paths.flatMap((path) => (this.holder !== null && path.endsWith('.claim') ? [{ ...this.holder, path }] : []));
  }

  override async missingProtection(): Promise<readonly string[]> {
    return this.missing;
  }
}

const GUID = '00000000-0000-4000-8000-000000000000';
const maker = { pid: 7, program: 'chainfold', how: 'chainfold lock', writes: true };

describe('a file that is being made', () => {
  const scratch = scratchFolder(folderInMemory());

  /** What a scan says while a file is made, and when the process was killed at this point. */
  const whileMade = async (locks: FreeLocks) => {
    const folder = mkdtempSync(join(scratch(), 'm-'));
    const ports = productPorts({ files: filesInMemory(), locks });
    let found: unknown;
    await new UnfinishedFiles(ports).publishing(join(folder, 'new.vhd'), async (path) => {
      writeFileSync(path, 'half');
      expect(readdirSync(folder)).toHaveLength(2);
      const scanned = await new ScanFolder(ports).scan(folder, { roots: [] }, null);
      found = scanned.ok ? scanned.value.leftovers.map(({ kind, isConfirmed }) => [kind, isConfirmed]) : scanned.error;
      return ok(null);
    });
    return found;
  };

  it('is no leftover while somebody holds its claim', async () => {
    expect(await whileMade(new SeenLocks(maker, []))).toEqual([
      ['being-made', false],
      ['being-made', false],
    ]);
  });

  it('is one when nobody does, though somebody reads it', async () => {
    const over = [
      ['unfinished', true],
      ['unfinished', true],
    ];
    expect(await whileMade(new SeenLocks(null, []))).toEqual(over);
    expect(await whileMade(new SeenLocks({ ...maker, writes: false }, []))).toEqual(over);
  });

  it('may be one where not everybody can be seen', async () => {
    expect(await whileMade(new SeenLocks(null, ['Programs outside are not seen.']))).toEqual([
      ['unfinished', false],
      ['unfinished', false],
    ]);
  });

  it('is one without its claim, whoever can be seen; and its name alone says nothing', async () => {
    const folder = mkdtempSync(join(scratch(), 'n-'));
    for (const name of [`.chainfold-${GUID}-${GUID}.part.vhd`, '.chainfold-mine'])
      writeFileSync(join(folder, name), '');
    const ports = productPorts({ files: filesInMemory(), locks: new SeenLocks(null, ['Not all are seen.']) });
    const scanned = await new ScanFolder(ports).scan(folder, { roots: [] }, null);
    expect(scanned).toMatchObject({
      value: {
        leftovers: [
          { kind: 'unfinished', isConfirmed: true },
          { kind: 'unfinished', isConfirmed: false },
        ],
      },
    });
  });

  it('is an image by its own name while it still has the hidden one', async () => {
    const folder = mkdtempSync(join(scratch(), 'n-'));
    const [hidden, path] = [`.chainfold-${GUID}-${GUID}.part.vhd`, 'new.vhd'].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    writeDisk({ path: hidden, identity: GUID.replace('4000', '4001'), parent: null });
    linkSync(hidden, path);
    const ports = productPorts({ files: filesInMemory() });
    const scanned = await new ScanFolder(ports).scan(folder, { roots: [] }, null);
    expect(scanned).toMatchObject({
      value: { leftovers: [], chains: [{ rows: [{ image: { path } }] }], passedOver: [{ path: hidden }] },
    });
  });
});
