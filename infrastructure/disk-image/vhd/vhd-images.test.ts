/** The engine on real files: images that others wrote, and qemu-img as a judge of what we write. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DiskImage, SuppliedRun } from '#application/ports/disk-image';
import { describeWithCorpus } from '../../../properties/corpus.js';
import { describeWithQemu, qemuInfo, qemuRawSha256 } from '../../../properties/qemu.js';
import { scratchFolder } from '../../../properties/models/scratch-folder.js';
import { checkPlainVhd } from '../../../properties/models/plain-vhd.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { dataRun, mergeInWindows, RUN_GUID, valueOf } from '../../../properties/simulation/window-merge.js';
import { NodeFileSystem } from '../../file-system/node-file-system.js';
import { VhdImages } from './vhd-images.js';

const MIB = 1024 * 1024;
const images = new VhdImages(new NodeFileSystem(), 'posix');
const shape = { windowBlocks: [3], pieceSectors: 4096, overlapped: true };

/** SHA-256 of what the images show, nearest first. */
const shownSha256 = async (chain: readonly DiskImage[]): Promise<string> => {
  const hash = createHash('sha256');
  const { virtualSizeBytes } = chain[0]!.description;
  for (let at = 0; at < virtualSizeBytes; at += 4 * MIB) {
    const bytes = new Uint8Array(Math.min(4 * MIB, virtualSizeBytes - at));
    for (const image of chain.toReversed()) {
      for (const run of await image.supplied({ start: at / 512, count: bytes.length / 512 })) {
        const offset = run.start * 512 - at;
        await image.read(run, bytes.subarray(offset, offset + run.count * 512));
      }
    }
    hash.update(bytes);
  }
  return hash.digest('hex');
};

describeWithCorpus('images that others wrote', (corpus) => {
  const folder = scratchFolder();
  const vhds = corpus.images.filter(({ format, guestSha256 }) => format === 'vhd' && guestSha256 !== null);
  const damaged = ['image.vhd', 'image-differential.vhd'];

  test.each(vhds.map(({ name }) => name).filter((name) => !damaged.includes(name)))(
    '%s shows the guest its bytes',
    async (name) => {
      const chain = corpus.chainOf(name);
      const paths = await corpus.unpack(
        chain.map((image) => image.name),
        folder(),
      );
      const opened: DiskImage[] = [];
      for (const path of paths) opened.push(valueOf(await images.open(path)));
      expect(await shownSha256(opened)).toBe(corpus.image(name).guestSha256);
      for (const [n, image] of opened.entries()) {
        expect((await image.validate()).filter(({ severity }) => severity === 'error')).toEqual([]);
        expect(image.description.identity).toBe(chain[n]!.uniqueId ?? image.description.identity);
        if (n > 0) expect(opened[n - 1]!.description.parentIdentities).toEqual([image.description.identity]);
        await image.close();
      }
    },
    120_000,
  );

  test.each(damaged)('%s is refused', async (name) => {
    const [path] = await corpus.unpack([name], folder());
    const image = await images.open(path!);
    expect(image.ok ? 'ok' : image.error.kind).toBe('damaged-structure');
  });

  test.each(['fat-differential.vhd', 'xen-leaf.vhd'])(
    '%s, merged all the way down, leaves a base that shows the same',
    async (name) => {
      const paths = await corpus.unpack(
        corpus.chainOf(name).map((image) => image.name),
        folder(),
      );
      await mergeInWindows(images, paths, shape);
      const base = valueOf(await images.open(paths.at(-1)!));
      expect(await shownSha256([base])).toBe(corpus.image(name).guestSha256);
      await base.close();
      expect(checkPlainVhd(paths.at(-1)!)).toEqual([]);
    },
    120_000,
  );
});

describeWithQemu('qemu-img', () => {
  const folder = scratchFolder();

  test.each(['fixed', 'dynamic'] as const)('reads what was merged into a new %s disk', async (type) => {
    const virtualSizeBytes = 5 * MIB + 512;
    const base = join(folder(), `${type}.vhd`);
    const child = join(folder(), `${type}-child.vhd`);
    const common = { virtualSizeBytes, blockSizeBytes: 2 * MIB, logicalSectorSize: 512, timeStampMs: Date.now() };
    const uniqueId = 'c4a10f01-d000-4000-8000-00000000000';
    const parent = valueOf(await images.create(base, { ...common, type, parent: null, uniqueId: `${uniqueId}1` }));
    valueOf(await images.create(child, { ...common, type: 'differencing', parent, uniqueId: `${uniqueId}2` }));
    await fill(child, [1, 4095, 4096, 5000, 10240]);
    await mergeInWindows(images, [child, base], shape);

    expect(qemuInfo(base)).toEqual({ format: 'vpc', virtualSizeBytes });
    const leaf = valueOf(await images.open(child));
    expect(await qemuRawSha256(base)).toBe(await shownSha256([leaf]));
    await leaf.close();
  });
});

/** Writes a sector of its own number at each of these places. */
const fill = async (path: string, sectors: readonly number[]): Promise<void> => {
  const into = valueOf(await images.openDestination(path));
  await into.prepare(RUN_GUID);
  const blocks = new Map<number, SuppliedRun[]>();
  for (const start of sectors) {
    const block = Math.floor(start / into.mergeBlockSectors);
    blocks.set(block, [...(blocks.get(block) ?? []), dataRun(start)]);
  }
  const plan = [...blocks].map(([block, runs]) => ({ block, runs }));
  const window = await into.openWindow(plan);
  for (const { block, runs } of plan) {
    await window.write(block, runs, Buffer.concat(runs.map(({ start }) => new Uint8Array(512).fill(start % 251))));
  }
  await window.commit(async () => undefined);
  await into.close();
};

describeWithQemu('a child that gets another parent', () => {
  const folder = scratchFolder();

  test('opens in QEMU after every write of the change, also when its old header is torn', async () => {
    const common = { virtualSizeBytes: 4 * MIB, blockSizeBytes: 2 * MIB, logicalSectorSize: 512, timeStampMs: 0 };
    const [base, other, child] = ['base.vhd', 'other.vhd', 'child.vhd'].map((name) => join(folder(), name));
    const idOf = (n: number): string => `c4a10f01-d000-4000-8000-00000000000${n}`;
    const dynamic = { ...common, type: 'dynamic', parent: null } as const;
    const parent = valueOf(await images.create(base!, { ...dynamic, uniqueId: idOf(1) }));
    const next = valueOf(await images.create(other!, { ...dynamic, uniqueId: idOf(2) }));
    valueOf(await images.create(child!, { ...common, type: 'differencing', parent, uniqueId: idOf(3) }));
    await fill(child!, [7]);
    const before = await qemuRawSha256(child!);

    // The change is made in memory; its writes are then done one by one on the real file.
    const memory = new MemoryFileSystem();
    memory.put(child!, readFileSync(child!));
    valueOf(await valueOf(await new VhdImages(memory, 'posix').reparenting(child!, next)).apply());
    const writes = memory.calls.filter(({ operation }) => operation === 'write');
    expect(
      writes.map(({ bytes, position }) =>
        position === 512 ? 'old header' : bytes!.length === 512 ? 'footer' : 'region',
      ),
    ).toEqual(['footer', 'region', 'footer', 'footer', 'old header', 'footer', 'footer']);
    for (const { position, bytes } of writes) {
      for (const torn of bytes!.length > 512 ? [bytes!.subarray(0, 512), bytes!] : [bytes!]) {
        writeAt(child!, torn, position!);
        expect(await qemuRawSha256(child!)).toBe(before);
      }
    }
    const image = valueOf(await images.open(child!));
    expect(image.description.parentIdentities).toEqual([next.identity]);
    await image.close();
  });
});

const writeAt = (path: string, bytes: Uint8Array, position: number): void => {
  const file = openSync(path, 'r+');
  try {
    writeSync(file, bytes, 0, bytes.length, position);
  } finally {
    closeSync(file);
  }
};
