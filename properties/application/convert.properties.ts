import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import { differencingChains, materialise } from '../arbitraries/chains.js';
import { materialiseVhdx, vhdxChains, vhdxView } from '../arbitraries/vhdx-chains.js';
import { fatal } from '../models/plain-vhd-check.js';
import { checkPlainVhd, followChain, guestBytes } from '../models/plain-vhd.js';
import { checkPlainVhdx, fatalVhdx, followVhdxChain, openPlainVhdx, vhdxGuestBytes } from '../models/plain-vhdx.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { convert } from '../product/conversions.js';
import { filesInMemory, productPorts } from '../product/product.js';
import { FreeLocks } from '../simulation/free-locks.js';

const targets = () =>
  fc.record({
    ending: fc.constantFrom('.vhd', '.vhdx', '.raw', '.img', '.avhd', '.avhdx'),
    type: fc.constantFrom('fixed' as const, 'dynamic' as const),
    smallBlocks: fc.boolean(),
    verify: fc.constantFrom('full' as const, 'full' as const, 'none' as const),
  });

const scratch = scratchFolder(folderInMemory());
const ports = productPorts({ files: filesInMemory(), locks: new FreeLocks() });

describe('a conversion', () => {
  test.prop([differencingChains(), targets()], runs(30, 500))(
    'of a VHD chain gives a disk of its own that shows what the leaf shows, and changes no image of the chain',
    async (chain, target) => {
      await inFolder(async (folder) => {
        const { paths, views } = materialise(chain, folder);
        await expectConverted(paths, views[0]!, target, 512);
      });
    },
    PATIENCE_MS,
  );

  test.prop([vhdxChains({ maxSizeBytes: 2 * 1024 * 1024, blockSizesBytes: [1024 ** 2] }), targets()], runs(6, 300))(
    'of a VHDX chain does, too: sizes that differ, zeros by state, logs that were not applied',
    async (chain, target) => {
      await inFolder(async (folder) => {
        const { paths } = materialiseVhdx(chain, folder);
        await expectConverted(paths, vhdxView(chain), target, chain.logicalSectorBytes);
      });
    },
    PATIENCE_MS,
  );
});

type Target = {
  readonly ending: string;
  readonly type: 'fixed' | 'dynamic';
  readonly smallBlocks: boolean;
  readonly verify: 'full' | 'none';
};

const expectConverted = async (
  paths: readonly string[],
  view: Uint8Array,
  { ending, type, smallBlocks, verify }: Target,
  sectorBytes: number,
): Promise<void> => {
  const path = join(paths[0]!, '..', `new${ending}`);
  const isVhd = ending.endsWith('vhd');
  const smallest = isVhd ? 4096 : 1024 ** 2;
  const before = paths.map(stateOf);
  const outcome = await convert(ports, paths[0]!, path, {
    type,
    verify,
    blockSizeBytes: smallBlocks && !ending.includes('w') && !ending.includes('i') ? smallest : null,
  });
  expect(paths.map(stateOf)).toEqual(before);
  const names = readdirSync(join(path, '..'));
  if (isVhd && sectorBytes !== 512) {
    expect(outcome).toMatchObject({ outcome: 'refused', error: { kind: 'sector-size-differs' } });
    expect(names).toHaveLength(paths.length);
    return;
  }
  expect(outcome).toMatchObject({
    outcome: 'converted',
    disk: {
      path,
      virtualSizeBytes: view.length,
      logicalSectorSize: sectorBytes,
      readBackFrom: verify === 'none' ? 'nowhere' : 'page-cache',
    },
  });
  expect(names).toHaveLength(paths.length + 1);
  expectSameBytes(shownBy(path), view, path);
};

/** As readers see it that are no part of the product; it must be sound, and no child. */
const shownBy = (path: string): Uint8Array => {
  if (path.endsWith('vhd')) {
    expect(checkPlainVhd(path).filter(fatal)).toEqual([]);
    return guestBytes(followChain(path));
  }
  if (!path.endsWith('vhdx')) return readFileSync(path);
  expect(checkPlainVhdx(path).filter(fatalVhdx)).toEqual([]);
  expect(openPlainVhdx(path).type).not.toBe('differencing');
  return vhdxGuestBytes(followVhdxChain(path));
};

/** Every byte of a file, and its times but the one of reading. */
const stateOf = (path: string) => {
  const { mtimeNs, ctimeNs, size } = statSync(path, { bigint: true });
  return { path, mtimeNs, ctimeNs, size, bytes: readFileSync(path).toString('latin1') };
};

const inFolder = async (work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(scratch(), 'c-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};
