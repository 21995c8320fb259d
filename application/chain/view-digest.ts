import type { Digests, RunningDigest } from '../ports/digests.js';
import type { ChainView } from './chain-view.js';
import {
  CHUNK_BYTES,
  chunkAt,
  chunksWithData,
  readsZero,
  type Chunk,
  type DataWalk,
  type ReadableDisk,
} from './view-chunks.js';

/** SHA-256 of every byte that the guest sees, 0 to the end of the disk. Lower-case hex. */
export const plainDigest = async (
  view: ChainView,
  digests: Digests,
  onRead: (bytes: number) => void = () => undefined,
): Promise<string> => {
  const digest = digests.sha256();
  for await (const bytes of allBytes(view)) {
    digest.update(bytes);
    onRead(bytes.byteLength);
  }
  return digest.hex();
};

/**
 * SHA-256 over the virtual size (u64 BE), then for each 1-MiB chunk of the view that is not all zero its index (u64 BE) and its
 * own SHA-256 (32 bytes). Independent of how the disk is laid out, and its cost goes with the data, not with the size.
 */
export const chunkedDigest = (
  view: ChainView,
  digests: Digests,
  onRead: (bytes: number) => void = () => undefined,
): Promise<string> => chunkedDigestAlong(view, view.walk('data'), digests, onRead);

/** The same digest of a disk of any kind. What the walk passes over counts as zero. */
export const chunkedDigestAlong = async (
  disk: ReadableDisk,
  walk: DataWalk,
  digests: Digests,
  onRead: (bytes: number) => void = () => undefined,
): Promise<string> => {
  const digest = new ChunkedDigest(disk, digests);
  for await (const chunk of chunksWithData(disk, walk)) {
    onRead(chunk.bytes.byteLength);
    digest.add(chunk);
  }
  return digest.hex();
};

/** The chunked digest of a disk whose chunks come along one by one, ascending. */
export class ChunkedDigest {
  private readonly digest: RunningDigest;

  constructor(
    { diskSectors, sectorSize }: Pick<ReadableDisk, 'diskSectors' | 'sectorSize'>,
    private readonly digests: Digests,
  ) {
    this.digest = digests.sha256();
    this.digest.update(u64be(diskSectors * sectorSize));
  }

  /** False for a chunk that reads zero: it is left out. */
  add({ index, bytes }: Chunk): boolean {
    if (readsZero(bytes)) return false;
    const own = this.digests.sha256();
    own.update(bytes);
    this.digest.update(u64be(index));
    this.digest.update(bytesOfHex(own.hex()));
    return true;
  }

  /** Nothing can be added afterwards. */
  hex(): string {
    return this.digest.hex();
  }
}

/** Zeros that nothing supplies are not read: they come from one buffer. */
async function* allBytes(view: ChainView): AsyncGenerator<Uint8Array> {
  const walk = view.walk('data');
  const zeros = new Uint8Array(CHUNK_BYTES);
  const chunkSectors = CHUNK_BYTES / view.sectorSize;
  for (let index = 0; index * chunkSectors < view.diskSectors; index++) {
    const start = index * chunkSectors;
    const next = await walk.next(start);
    const count = Math.min(chunkSectors, view.diskSectors - start);
    const isEmpty = next === null || next >= start + count;
    yield isEmpty ? zeros.subarray(0, count * view.sectorSize) : (await chunkAt(view, index)).bytes;
  }
}

const u64be = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
};

const bytesOfHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
