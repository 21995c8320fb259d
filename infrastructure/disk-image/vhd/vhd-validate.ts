/**
 * The deep check of a VHD that could be opened: opening has already proved footer, header, table and the place of every block,
 * and refuses by its first flaw. Here is what takes reading the blocks, and what is only worth knowing.
 */
import type { Finding } from '#application/ports/disk-image';
import type { Extent } from '#domain/disk-format/extent';
import { blockLengthBytes } from '#domain/disk-format/vhd/block-allocation-table';
import { SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { setRuns } from '#domain/disk-format/vhd/sector-bitmap';
import { subtractRuns, type SectorRun } from '#domain/sector-run';
import { batmapFindings } from './batmap-validate.js';
import type { BlockStore } from './block-store.js';
import { readExactly } from '../file-faults.js';
import type { OpenVhd } from './open-vhd.js';

export const validateVhd = async (vhd: OpenVhd): Promise<readonly Finding[]> => [
  ...vhd.description.warnings.map((message) => finding('warning', 'VHD', message)),
  ...(vhd.description.savedState
    ? [finding('warning', 'VHD footer', 'A virtual machine was saved on this disk; a merge of it is refused.')]
    : []),
  ...(vhd.blocks === null ? trailingBytes(vhd) : await blockFindings(vhd, vhd.blocks)),
];

const finding = (severity: Finding['severity'], structure: string, message: string): Finding => ({
  severity,
  structure,
  message,
});

const trailingBytes = ({ choice, description }: OpenVhd): readonly Finding[] => {
  const extra = choice.endOfDataBytes - description.virtualSizeBytes;
  return extra === 0
    ? []
    : [finding('note', 'VHD', `${extra} bytes between the disk's end and the footer are not used.`)];
};

const blockFindings = async (vhd: OpenVhd, blocks: BlockStore): Promise<readonly Finding[]> => [
  ...(blocks.footer.diskType === 'differencing' ? locatorFindings(vhd) : await dirtyClearSectors(vhd, blocks)),
  ...(await batmapFindings(vhd, blocks)),
  ...leakedSpace(vhd, blocks),
];

const locatorFindings = ({ description }: OpenVhd): readonly Finding[] =>
  description.parentCandidates.some(({ path }) => path !== null)
    ? []
    : [finding('warning', 'VHD parent locator', 'Nothing in the file says where the parent is on this system.')];

/** In a dynamic disk a clear bit says "never written", and such a sector has to be zero: some programs read zeros there. [VHD 1.0] */
const dirtyClearSectors = async ({ file }: OpenVhd, blocks: BlockStore): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  for await (const { block, entry } of usedBlocks(blocks)) {
    const bitmap = await blocks.bitmaps.of(block, entry);
    const clear = subtractRuns([{ start: 0, count: blocks.blockSectors }], setRuns(bitmap, 0, blocks.blockSectors));
    const data = entry * SECTOR_BYTES + blocks.bitmapBytes;
    for (const run of clear) {
      if (!(await isZero(file, data, run))) {
        const message = `Block ${block} has data under clear bits (sectors ${run.start} to ${run.start + run.count - 1} of it): programs that go by the bitmap read zeros.`;
        findings.push(finding('warning', 'VHD sector bitmap', message));
        break;
      }
    }
  }
  return findings;
};

async function* usedBlocks(blocks: BlockStore): AsyncGenerator<{ readonly block: number; readonly entry: number }> {
  let block = await blocks.table.nextUsed(0, blocks.blockCount);
  while (block !== null) {
    yield { block, entry: await blocks.table.entry(block) };
    block = await blocks.table.nextUsed(block + 1, blocks.blockCount);
  }
}

const PIECE_SECTORS = 2048;

const isZero = async (file: OpenVhd['file'], dataOffsetBytes: number, run: SectorRun): Promise<boolean> => {
  for (let done = 0; done < run.count; done += PIECE_SECTORS) {
    const piece = new Uint8Array(Math.min(PIECE_SECTORS, run.count - done) * SECTOR_BYTES);
    await readExactly(file, piece, dataOffsetBytes + (run.start + done) * SECTOR_BYTES);
    if (piece.some((byte) => byte !== 0)) return false;
  }
  return true;
};

/** There is no free list: bytes that nothing points to stay lost until the disk is compacted. */
const leakedSpace = ({ choice }: OpenVhd, blocks: BlockStore): readonly Finding[] => {
  const used = lengthOfAll(blocks.metadata) + blocks.allocatedBlocks * blockLengthBytes(blocks.header.blockSizeBytes);
  const leaked = choice.endOfDataBytes - used;
  return leaked <= 0 ? [] : [finding('note', 'VHD', `${leaked} bytes of the file hold nothing that is in use.`)];
};

/** Bytes in any of the extents, those in several counted once. */
const lengthOfAll = (extents: readonly Extent[]): number => {
  let total = 0;
  let end = 0;
  for (const { startBytes, endBytes } of [...extents].sort((one, other) => one.startBytes - other.startBytes)) {
    total += Math.max(0, endBytes - Math.max(end, startBytes));
    end = Math.max(end, endBytes);
  }
  return total;
};
