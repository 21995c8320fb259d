import { MIB } from '#domain/quantities';
import type { Digests } from '../ports/digests.js';
import type { ChainView } from './chain-view.js';

const CHUNK_BYTES = MIB;

/** SHA-256 of every byte that the guest sees, 0 to the end of the disk. Lower-case hex. */
export const plainDigest = async (
  view: ChainView,
  digests: Digests,
  onRead: (bytes: number) => void = () => undefined,
): Promise<string> => {
  const digest = digests.sha256();
  for await (const chunk of chunks(view)) {
    digest.update(chunk.bytes);
    onRead(chunk.bytes.byteLength);
  }
  return digest.hex();
};

/**
 * SHA-256 over the virtual size (u64 BE), then for each 1-MiB chunk of the view that is not all zero its index (u64 BE) and its
 * own SHA-256 (32 bytes). Independent of how the disk is laid out, and its cost goes with the data, not with the size.
 */
export const chunkedDigest = async (
  view: ChainView,
  digests: Digests,
  onRead: (bytes: number) => void = () => undefined,
): Promise<string> => {
  const digest = digests.sha256();
  digest.update(u64be(view.diskSectors * view.sectorSize));
  const walk = view.walk('data');
  let next = 0;
  for (;;) {
    const sector = await walk.next((next * CHUNK_BYTES) / view.sectorSize);
    // Images below may be larger than the view.
    if (sector === null || sector >= view.diskSectors) return digest.hex();
    const index = Math.floor((sector * view.sectorSize) / CHUNK_BYTES);
    const bytes = await chunkAt(view, index);
    onRead(bytes.byteLength);
    if (bytes.some((byte) => byte !== 0)) {
      const own = digests.sha256();
      own.update(bytes);
      digest.update(u64be(index));
      digest.update(bytesOfHex(own.hex()));
    }
    next = index + 1;
  }
};

async function* chunks(view: ChainView): AsyncGenerator<{ readonly bytes: Uint8Array }> {
  const count = Math.ceil((view.diskSectors * view.sectorSize) / CHUNK_BYTES);
  const walk = view.walk('data');
  const zeros = new Uint8Array(CHUNK_BYTES);
  for (let index = 0; index < count; index++) {
    const start = (index * CHUNK_BYTES) / view.sectorSize;
    const next = start < view.diskSectors ? await walk.next(start) : null;
    const empty = next === null || next >= start + CHUNK_BYTES / view.sectorSize;
    const length = Math.min(CHUNK_BYTES, view.diskSectors * view.sectorSize - index * CHUNK_BYTES);
    yield { bytes: empty ? zeros.subarray(0, length) : await chunkAt(view, index) };
  }
}

const chunkAt = async (view: ChainView, index: number): Promise<Uint8Array> => {
  const start = (index * CHUNK_BYTES) / view.sectorSize;
  const count = Math.min(CHUNK_BYTES / view.sectorSize, view.diskSectors - start);
  const bytes = new Uint8Array(count * view.sectorSize);
  await view.read({ start, count }, bytes);
  return bytes;
};

const u64be = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
};

const bytesOfHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
