/** XenServer reads a block whose batmap bit is 1 as whole, without a look at its bitmap: the two must agree. */
import type { Finding } from '#application/ports/disk-image';
import type { OpenFile } from '#application/ports/file-system';
import { isSet, setRuns } from '#domain/disk-format/vhd/sector-bitmap';
import { UNUSED_ENTRY } from '#domain/disk-format/vhd/block-allocation-table';
import type { BlockStore } from './block-store.js';
import { readAt } from '../file-faults.js';
import type { OpenVhd } from './open-vhd.js';

/** The blocks that the batmap calls whole, ascending, with their BAT entries. Bits that the file does not have count as 0. */
export async function* blocksCalledWhole(
  file: OpenFile,
  blocks: BlockStore,
): AsyncGenerator<{ readonly block: number; readonly entry: number }> {
  const map = blocks.batmap[1];
  if (map === undefined) return;
  const mapBytes = Math.min(map.endBytes - map.startBytes, Math.ceil(blocks.blockCount / 8));
  const bits = await readAt(file, map.startBytes, mapBytes);
  for (let block = 0; block < Math.min(blocks.blockCount, bits.length * 8); block += 1) {
    if (isSet(bits, block)) yield { block, entry: await blocks.table.entry(block) };
  }
}

export const batmapFindings = async ({ file }: OpenVhd, blocks: BlockStore): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  for await (const { block, entry } of blocksCalledWhole(file, blocks)) {
    const isUnused = entry === UNUSED_ENTRY;
    if (!isUnused && (await isWhole(blocks, block, entry))) continue;
    const why = isUnused ? 'not allocated' : 'not whole by its bitmap';
    const message = `The batmap calls block ${block} whole, but it is ${why}: XenServer reads it differently.`;
    findings.push({ severity: 'error', structure: 'VHD batmap', message });
  }
  return findings;
};

const isWhole = async (blocks: BlockStore, block: number, entry: number): Promise<boolean> => {
  const [run] = setRuns(await blocks.bitmaps.of(block, entry), 0, blocks.blockSectors);
  return run?.start === 0 && run.count === blocks.blockSectors;
};
