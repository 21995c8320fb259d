/**
 * XenServer's batmap: a 512-byte header directly behind the padded BAT, and a map with one bit for each block, 1 when every sector
 * of the block is there. Not in the specification; blktap's libvhd writes it (creator `tap\0`).
 *
 * A merge only adds sectors to its destination, so a batmap that was true stays true unchanged. It is read to know which bytes are
 * taken, and because its key hash tells an encrypted disk.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { safeInteger } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import type { Extent } from '../extent.js';
import { flawOf, hex } from '../flaw.js';
import { ascii, at, bytes, reserved, struct, u32be, u64be, u8 } from '../layout.js';
import { tablePaddedBytes } from './block-allocation-table.js';
import type { DynamicHeader } from './dynamic-header.js';
import { type Footer, SECTOR_BYTES } from './footer.js';

export const BATMAP_HEADER_BYTES = 512;
export const BATMAP_COOKIE = 'tdbatmap';
const XEN_CREATOR = 'tap\0';

export const batmapHeader = struct('VHD batmap header', BATMAP_HEADER_BYTES, {
  cookie: at(0, ascii(8)), // "tdbatmap"
  mapOffset: at(8, u64be), // bytes from the start of the file
  mapSize: at(16, u32be), // sectors of 512 bytes
  version: at(20, u32be), // major << 16 | minor, up to 1.2
  mapChecksum: at(24, u32be), // of the map; 1.1 summed signed characters
  marker: at(28, u8),
  keyHash: at(29, bytes(65)), // zero unless the disk is encrypted
  reserved: at(94, reserved(418)),
});

const flaw = flawOf('VHD batmap header');

/** Whether the file may have a batmap header at all: XenServer's own do, versions above 0.1. */
export const mayHaveBatmap = (footer: Footer): boolean =>
  footer.diskType !== 'fixed' && footer.creatorApplication === XEN_CREATOR && footer.creatorVersion > 0x0000_0001;

/** blktap 0.1 counted sector bitmaps from the least significant bit: such a file would be read wrong, so it is not read. */
export const writerFlaw = (footer: Footer): StructureFlaw | null =>
  footer.creatorApplication === XEN_CREATOR && footer.creatorVersion <= 0x0000_0001
    ? flawOf('VHD footer')('unsupported-writer', 'XenServer files from version 1.0 on', hex(footer.creatorVersion))
    : null;

export const batmapHeaderOffset = (header: DynamicHeader): number =>
  header.tableOffsetBytes + tablePaddedBytes(header.maxTableEntries);

/**
 * The bytes that header and map take, in a file that `mayHaveBatmap`; none when the header is not there (1.1 wrote it
 * sometimes, other programs copy the creator but not the map). Refused when the disk is encrypted or the map leaves the file.
 */
export const batmapExtents = (
  encoded: Uint8Array,
  headerOffsetBytes: number,
  fileSizeBytes: number,
): Result<readonly Extent[], StructureFlaw> => {
  if (encoded.length !== BATMAP_HEADER_BYTES) return ok([]);
  const raw = batmapHeader.decode(encoded);
  if (raw.cookie !== BATMAP_COOKIE) return ok([]);
  if (raw.keyHash.some((byte) => byte !== 0)) {
    return err(flaw('encrypted', 'a key hash of zeros: no encryption', 'a key hash'));
  }
  const startBytes = safeInteger(raw.mapOffset);
  const lengthBytes = raw.mapSize * SECTOR_BYTES;
  if (startBytes === undefined || startBytes + lengthBytes > fileSizeBytes) {
    const found = `${lengthBytes} bytes at ${hex(raw.mapOffset, 1)} in a file of ${fileSizeBytes} bytes`;
    return err(flaw('bat-offset', 'a batmap inside the file', found));
  }
  return ok([
    { startBytes: headerOffsetBytes, endBytes: headerOffsetBytes + BATMAP_HEADER_BYTES },
    { startBytes, endBytes: startBytes + lengthBytes },
  ]);
};
