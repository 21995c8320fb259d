/**
 * The independent judge: what a chain of images shows, by the plain readers, which share nothing with the product. It answers with
 * the digest that the product's `digest --chunked` gives, made here again: SHA-256 over the size, then of each MiB that is not zero
 * its number and its own SHA-256.
 */
import { createHash } from 'node:crypto';
import type { ByteSource } from '../models/byte-source.js';
import { guestRange } from '../models/plain-vhd-chain.js';
import { checkStructure as checkVhd, fatal } from '../models/plain-vhd-check.js';
import { SECTOR_BYTES, UNUSED } from '../models/plain-vhd-layout.js';
import { openPlainVhd, type PlainVhd } from '../models/plain-vhd-reader.js';
import { vhdxGuestRange } from '../models/plain-vhdx-chain.js';
import { checkStructure as checkVhdx, fatalVhdx } from '../models/plain-vhdx-check.js';
import { MIB } from '../models/plain-vhdx-layout.js';
import { openPlainVhdx, type PlainVhdx } from '../models/plain-vhdx-reader.js';
import type { FileContent, PatchedFile } from './patched-file.js';
import { PatchedFiles } from './patched-files.js';

export type OracleView =
  | { readonly reads: true; readonly digest: string; readonly sizeBytes: number }
  /** `complaint`: the checker's kind; `unreadable` when the reader gave up, `link` when an image is not its child's parent. */
  | { readonly reads: false; readonly complaint: string; readonly detail: string }
  | { readonly reads: 'undecided'; readonly detail: string };

/** The plain readers are simple, not economical: an image that makes them read more than this they do not judge. */
const MOST_BYTES = 512 * MIB;
const MOST_BLOCKS = 50_000;
class TooMuch extends Error {}

class Refused extends Error {
  constructor(
    readonly complaint: string,
    detail: string,
  ) {
    super(detail);
  }
}

export type Opened =
  { readonly format: 'vhd'; readonly image: PlainVhd } | { readonly format: 'vhdx'; readonly image: PlainVhdx };

/** Images that nobody has changed are opened once for all cases; a changed one once for all questions until it changes again. */
const known = new WeakMap<FileContent, Opened>();
const knownChanged = new WeakMap<PatchedFile, { readonly changes: number; readonly opened: Opened }>();

/** The chain of these files, leaf to base, each of which must be its child's parent. */
export const oracleView = (files: PatchedFiles, paths: readonly string[]): OracleView => {
  try {
    const chain = paths.map((path) => openedOnce(files, path));
    return { reads: true, ...digestOf(chain) };
  } catch (error) {
    if (error instanceof TooMuch) return { reads: 'undecided', detail: error.message };
    if (error instanceof Refused) return { reads: false, complaint: error.complaint, detail: error.message };
    if (error instanceof Error) return { reads: false, complaint: 'unreadable', detail: error.message };
    throw error;
  }
};

const openedOnce = (files: PatchedFiles, path: string): Opened => {
  const file = files.file(path);
  if (file.changes === 0) return openedGood(path, file.content);
  const there = knownChanged.get(file);
  if (there?.changes === file.changes) return there.opened;
  const opened = openSound(bounded(files.source(path)));
  knownChanged.set(file, { changes: file.changes, opened });
  return opened;
};

/** A good image, for whoever wants to know where its structures are. */
export const openedGood = (path: string, content: FileContent): Opened => {
  const there = known.get(content);
  if (there !== undefined) return there;
  const opened = openSound(sourceOf(path, content));
  known.set(content, opened);
  return opened;
};

/** A file of its own, which no case changes. */
const sourceOf = (path: string, content: FileContent): ByteSource => {
  const files = new PatchedFiles();
  files.put(path, content);
  return files.source(path);
};

const bounded = (source: ByteSource): ByteSource => {
  let left = MOST_BYTES;
  return {
    ...source,
    read: (offsetBytes, lengthBytes) => {
      left -= lengthBytes;
      if (left < 0) throw new TooMuch(`${source.path}: the plain reader reads without end`);
      return source.read(offsetBytes, lengthBytes);
    },
  };
};

const openSound = (source: ByteSource): Opened => {
  const isVhdx = source.sizeBytes >= 8 && source.read(0, 8).toString('latin1') === 'vhdxfile';
  if (isVhdx) {
    const image = openPlainVhdx(source);
    const [complaint] = checkVhdx(image).filter(fatalVhdx);
    if (complaint !== undefined) throw new Refused(complaint.kind, complaint.detail);
    return { format: 'vhdx', image };
  }
  const image = openPlainVhd(source);
  const used = image.table?.bat.filter((entry) => entry !== UNUSED).length ?? 0;
  if (used > MOST_BLOCKS) throw new TooMuch(`${source.path}: ${used} blocks are too many for the plain reader`);
  const [complaint] = checkVhd(image).filter(fatal);
  if (complaint !== undefined) throw new Refused(complaint.kind, complaint.detail);
  return { format: 'vhd', image };
};

const digestOf = (chain: readonly Opened[]): { readonly digest: string; readonly sizeBytes: number } => {
  const vhd = chain.flatMap((opened) => (opened.format === 'vhd' ? [opened.image] : []));
  const vhdx = chain.flatMap((opened) => (opened.format === 'vhdx' ? [opened.image] : []));
  if (vhd.length > 0 && vhdx.length > 0) throw new Refused('link', 'a chain of both formats');
  return vhd.length > 0 ? vhdDigest(vhd) : vhdxDigest(vhdx);
};

const vhdDigest = (chain: readonly PlainVhd[]): { readonly digest: string; readonly sizeBytes: number } => {
  chain.forEach((image, nth) => {
    const below = chain[nth + 1];
    if ((image.parent === undefined) !== (below === undefined)) throw new Refused('link', `${image.type} over another`);
    if (image.parent !== undefined && image.parent.uniqueId !== below?.uniqueId)
      throw new Refused('link', 'another parent');
  });
  const sizeBytes = chain[0]?.sizeBytes ?? 0;
  const chunks = chain.flatMap(({ table, sizeBytes: size }) =>
    table === undefined
      ? chunksOf(0, size)
      : table.bat.flatMap((entry, block) =>
          entry === UNUSED ? [] : chunksOf(block * table.blockSizeBytes, (block + 1) * table.blockSizeBytes),
        ),
  );
  return chunkedDigest(sizeBytes, chunks, (at, length) => guestRange(chain, at, length));
};

const vhdxDigest = (chain: readonly PlainVhdx[]): { readonly digest: string; readonly sizeBytes: number } => {
  chain.forEach((image, nth) => {
    const below = chain[nth + 1];
    if ((image.parent === undefined) !== (below === undefined)) throw new Refused('link', `${image.type} over another`);
    if (image.parent === undefined || below === undefined) return;
    if (!image.parent.linkages.includes(below.dataWriteGuid)) throw new Refused('link', 'another parent');
    if (image.logicalSectorBytes !== below.logicalSectorBytes) throw new Refused('link', 'other sectors');
  });
  const sizeBytes = chain[0]?.sizeBytes ?? 0;
  const chunks = chain.flatMap((image) =>
    Array.from({ length: image.geometry.payloadBlocks }, (_, block) => block)
      .filter((block) => image.payload(block).state >= 4)
      .flatMap((block) => chunksOf(block * image.blockSizeBytes, (block + 1) * image.blockSizeBytes)),
  );
  return chunkedDigest(sizeBytes, chunks, (at, length) => vhdxGuestRange(chain, at, length));
};

/** The chunks of a MiB that [from, to) touches. */
const chunksOf = (from: number, to: number): readonly number[] => {
  const first = Math.floor(from / MIB);
  return Array.from({ length: Math.ceil(to / MIB) - first }, (_, nth) => first + nth);
};

const chunkedDigest = (
  sizeBytes: number,
  chunks: readonly number[],
  read: (offsetBytes: number, lengthBytes: number) => Uint8Array,
): { readonly digest: string; readonly sizeBytes: number } => {
  if (sizeBytes % SECTOR_BYTES !== 0) throw new Refused('current size', `${sizeBytes} bytes`);
  const digest = createHash('sha256').update(u64be(sizeBytes));
  for (const chunk of [...new Set(chunks)].sort((a, b) => a - b)) {
    const length = Math.min(MIB, sizeBytes - chunk * MIB);
    if (length <= 0) continue;
    const bytes = read(chunk * MIB, length);
    if (Buffer.compare(bytes, ZEROS.subarray(0, length)) === 0) continue;
    digest.update(u64be(chunk)).update(createHash('sha256').update(bytes).digest());
  }
  return { digest: digest.digest('hex'), sizeBytes };
};

const ZEROS = Buffer.alloc(MIB);

const u64be = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
