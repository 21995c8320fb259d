/** Good chains that programs have made: our own `create` and `diff`, qemu-img where it is, and whoever made the corpus' images. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CreateImage } from '#application/use-cases/create-image';
import { corpusOrReason } from '../corpus.js';
import { sectorContent } from '../models/sector-content.js';
import { qemuOrReason } from '../qemu.js';
import { type BaseChain, FOLDER } from './base-chain.js';
import { type FileContent, PatchedFile } from './patched-file.js';
import { PatchedFiles } from './patched-files.js';
import { portsOn } from './ports-on-files.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export type MadeChains = {
  readonly chains: readonly BaseChain[];
  /** What could not be made here, one sentence each. */
  readonly leftOut: readonly string[];
};

/** A raw disk with one sector of this layer in each of `count` places. */
const rawDisk = (sizeBytes: number, layer: number, count: number): FileContent => {
  const sectors = sizeBytes / 512;
  const places = Array.from({ length: count }, (_, nth) => Math.floor(((nth + 1) * sectors) / (count + 1)));
  return PatchedFile.contentOf({
    sizeBytes,
    extents: places.map((sector) => ({ offsetBytes: sector * 512, bytes: sectorContent(layer, sector) })),
  });
};

/** `ending` says the format. A child over a base, both by the product itself; the base may be somebody else's. */
const withChild = async (
  name: string,
  ending: 'vhd' | 'vhdx',
  sizeBytes: number,
  base: FileContent | null,
): Promise<BaseChain> => {
  const files = new PatchedFiles();
  const create = new CreateImage(portsOn(files));
  const [basePath, childPath] = [`${FOLDER}/base.${ending}`, `${FOLDER}/child.${ending}`];
  const common = { blockSizeBytes: ending === 'vhd' ? 64 * KIB : MIB, roots: [], logicalSectorSize: 512 };
  files.put(`${FOLDER}/base.raw`, rawDisk(sizeBytes, 1, 2));
  files.put(`${FOLDER}/child.raw`, rawDisk(sizeBytes, 2, 3));
  if (base !== null) files.put(basePath, base);
  const made = [
    ...(base === null
      ? [
          await create.create({
            ...common,
            path: basePath,
            type: 'dynamic',
            content: { rawPath: `${FOLDER}/base.raw` },
          }),
        ]
      : []),
    await create.createChild({ ...common, path: childPath, parentPath: basePath, rawPath: `${FOLDER}/child.raw` }),
  ];
  for (const image of made) if (!image.ok) throw new Error(image.error.message);
  const content = (path: string): FileContent => files.file(path).frozen();
  return { name, format: ending, files: [childPath, basePath].map((path) => ({ path, content: content(path) })) };
};

export const ownChains = async (): Promise<readonly BaseChain[]> => [
  await withChild('our own VHDs', 'vhd', 256 * KIB, null),
  await withChild('our own VHDX files', 'vhdx', 3 * MIB, null),
];

export const qemuChains = async (): Promise<MadeChains> => {
  const qemu = qemuOrReason();
  if (typeof qemu === 'string') return { chains: [], leftOut: [`images of qemu-img: ${qemu}`] };
  const folder = mkdtempSync(join(tmpdir(), 'chainfold-hostile-'));
  const baseOf = (driver: string, options: string, sizeBytes: number): FileContent => {
    const path = join(folder, `${driver}-${options.replace(/\W/g, '-')}`);
    execFileSync('qemu-img', ['create', '-q', '-f', driver, '-o', options, path, String(sizeBytes)]);
    return fileContent(path);
  };
  try {
    return {
      chains: [
        await withChild(
          'over a dynamic VHD of QEMU',
          'vhd',
          4 * MIB,
          baseOf('vpc', 'subformat=dynamic,force_size=on', 4 * MIB),
        ),
        await withChild(
          'over a fixed VHD of QEMU',
          'vhd',
          4 * MIB,
          baseOf('vpc', 'subformat=fixed,force_size=on', 4 * MIB),
        ),
        await withChild(
          'over a dynamic VHDX of QEMU',
          'vhdx',
          3 * MIB,
          baseOf('vhdx', 'subformat=dynamic,block_size=1M', 3 * MIB),
        ),
        await withChild(
          'over a fixed VHDX of QEMU',
          'vhdx',
          3 * MIB,
          baseOf('vhdx', 'subformat=fixed,block_size=1M', 3 * MIB),
        ),
      ],
      leftOut: [],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const CORPUS_CHAINS = ['xen-leaf.vhd', 'fat-differential.vhd', 'ntfs-differential.vhdx'];

export const corpusChains = async (): Promise<MadeChains> => {
  const corpus = corpusOrReason();
  if (typeof corpus === 'string') return { chains: [], leftOut: [`images of the corpus: ${corpus}`] };
  const folder = mkdtempSync(join(tmpdir(), 'chainfold-hostile-'));
  try {
    const names = CORPUS_CHAINS.filter((name) => corpus.images.some((image) => image.name === name));
    const chains = [];
    for (const name of names) {
      const images = corpus.chainOf(name);
      const paths = await corpus.unpack(
        images.map((image) => image.name),
        folder,
      );
      chains.push({
        name: `the corpus' ${name}`,
        format: images[0]?.format ?? 'vhd',
        files: paths.map((path) => ({ path: `${FOLDER}/${basename(path)}`, content: fileContent(path) })),
      });
    }
    return { chains, leftOut: [] };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const fileContent = (path: string): FileContent => {
  const bytes = readFileSync(path);
  return PatchedFile.contentOf({ sizeBytes: bytes.length, extents: [{ offsetBytes: 0, bytes }] });
};
