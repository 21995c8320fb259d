import { test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { ChainSpec } from '../../../properties/arbitraries/chains.js';
import {
  checkPlainVhd,
  guestBytes,
  openChain,
  imageBytes,
  plainVhdImage,
} from '../../../properties/models/plain-vhd.js';
import {
  CHILD,
  chains,
  merged,
  imagesOn,
  restartedWith,
  described,
  planned,
  apply,
  overItsParent,
} from '../../../properties/simulation/child-to-reparent.js';
import { staleBytes } from '../../../properties/models/sector-content.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { differencing, PATH } from '../../../properties/simulation/tiny-destination.js';
import { dataRun, RUN_GUID, valueOf } from '../../../properties/simulation/window-merge.js';

describe('a child that something else has changed since', () => {
  const changedBy = async (
    chain: ChainSpec,
    change: (content: Uint8Array) => Uint8Array,
  ): Promise<{ answer: string; state: string; calls: number }> => {
    const { files, paths } = await merged(chain);
    const images = await planned(files, paths);
    const other = restartedWith(files, {});
    await other.unlink(paths[CHILD]!);
    other.put(paths[CHILD]!, change(files.bytes(paths[CHILD]!)));
    const calls = other.calls.length;
    const reparenting = imagesOn(other).resumeReparenting(paths[CHILD]!, images);
    const applied = await reparenting.apply();
    return {
      answer: applied.ok ? applied.value : applied.error.kind,
      state: await reparenting.state(),
      calls: other.calls.length - calls,
    };
  };

  const refused = { answer: 'image-changed', state: 'foreign', calls: 0 };

  test.prop({ chain: chains }, { numRuns: 20 })('is refused and not written to: another header', async ({ chain }) => {
    expect(await changedBy(chain, (content) => content.with(512 + 1000, 1))).toEqual(refused);
  });

  test.prop({ chain: chains }, { numRuns: 20 })(
    'is refused and not written to: a file that has grown',
    async ({ chain }) => {
      const grown = (content: Uint8Array): Uint8Array => {
        const longer = new Uint8Array(content.length + 1024 * 1024);
        longer.set(content);
        longer.set(content.subarray(-512), longer.length - 512);
        return longer;
      };
      expect(await changedBy(chain, grown)).toEqual(refused);
    },
  );

  test.prop({ chain: chains }, { numRuns: 20 })(
    'in the middle of the change, by new blocks behind its end, is finished without a loss',
    async ({ chain }) => {
      const { files, paths } = await merged(chain);
      const images = await planned(files, paths);
      const whole = restartedWith(files, {});
      await apply(whole, paths[CHILD]!, images);
      for (let call = 1; call < whole.calls.length; call += 1) {
        const cut = restartedWith(files, { powerLossAt: call });
        await expect(apply(cut, paths[CHILD]!, images)).rejects.toThrow('the power went');
        const left = restartedWith(cut, {});
        await addBlocks(left, paths[CHILD]!);
        const used = Buffer.from(guestBytes(openChain(overItsParent(left.source(paths[CHILD]!), left, paths))));
        const applied = await imagesOn(left).resumeReparenting(paths[CHILD]!, images).apply();
        if (!applied.ok) expect(applied.error.kind).toBe('image-changed');
        const after = guestBytes(openChain(overItsParent(left.source(paths[CHILD]!), left, paths)));
        expect(used.equals(after)).toBe(true);
        expect(checkPlainVhd(left.source(paths[CHILD]!))).toEqual([]);
      }
    },
  );

  /** A virtual machine that writes a sector into every block that the child does not have. */
  const addBlocks = async (files: MemoryFileSystem, path: string): Promise<void> => {
    const into = valueOf(await imagesOn(files).openDestination(path));
    await into.prepare(RUN_GUID);
    const { virtualSizeBytes, blockSizeBytes } = into.description;
    const blocks = Array.from({ length: Math.ceil(virtualSizeBytes / blockSizeBytes!) }, (_, block) => block);
    const plans = blocks.map((block) => ({ block, runs: [dataRun((block * blockSizeBytes!) / 512)] }));
    const window = await into.openWindow(plans);
    for (const { block, runs } of plans) await window.write(block, runs, new Uint8Array(512).fill(block + 1));
    await window.commit(async () => undefined);
  };
});

test('a block that was put where the new header was to be is not overwritten, also when the file has kept its size', async () => {
  let refused = 0;
  for (let slackSectors = 0; slackSectors < 24; slackSectors += 1) {
    const files = new MemoryFileSystem();
    const blocks = new Map([[0, { bits: [true], data: staleBytes(4096) }]]);
    const sizes = { sizeBytes: 8192, blockSizeBytes: 4096, slackSectors };
    const spec = { ...differencing, ...sizes, dialect: 'bare', blocks } as const;
    files.put(PATH, imageBytes(plainVhdImage(spec)));
    const parent = {
      ...(await described(files, PATH)),
      path: '/vms/other.vhd',
      identity: 'c4a10f01-d000-4000-8000-0000000000ff',
    };
    const { images } = valueOf(await imagesOn(files).reparenting(PATH, parent));
    const cut = restartedWith(files, { powerLossAt: 4 });
    await expect(apply(cut, PATH, images)).rejects.toThrow('the power went');

    const left = restartedWith(cut, {});
    const into = valueOf(await imagesOn(left).openDestination(PATH));
    await into.prepare(RUN_GUID);
    const window = await into.openWindow([{ block: 1, runs: [dataRun(8, 8)] }]);
    const data = await window.write(1, [{ start: 8, count: 8 }], new Uint8Array(4096).fill(7));
    await window.commit(async () => undefined);
    const applied = await imagesOn(left).resumeReparenting(PATH, images).apply();
    if (!applied.ok) refused += 1;
    expect(
      left
        .bytes(PATH)
        .subarray(data, data + 4096)
        .every((byte) => byte === 7),
    ).toBe(true);
    expect(checkPlainVhd(left.source(PATH))).toEqual([]);
  }
  expect(refused).toBeGreaterThan(0);
});
