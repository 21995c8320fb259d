/** XenServer reads a block whose batmap bit is 1 as whole, without a look at its bitmap: the two must agree. */
import type { Finding } from '#application/ports/disk-image';
import type { OpenFile } from '#application/ports/file-system';
import { setRuns } from '#domain/disk-format/vhd/sector-bitmap';
import { UNUSED_ENTRY } from '#domain/disk-format/vhd/block-allocation-table';
import { KIB } from '#domain/quantities';
import type { BlockStore } from './block-store.js';
import { readAt } from '../file-faults.js';
import type { OpenVhd } from './open-vhd.js';

/** The map of the largest disk in the smallest blocks has 64 MiB. */
const PIECE_BYTES = 256 * KIB;

/** A map of ones over an empty table would be a sentence for each of its blocks. */
const MOST_FINDINGS = 100;

/** The blocks that the batmap calls whole, ascending, with their BAT entries. Bits that the file does not have count as 0. */
export async function* blocksCalledWhole(
  file: OpenFile,
  blocks: BlockStore,
): AsyncGenerator<{ readonly block: number; readonly entry: number }> {
  const map = blocks.batmap[1];
  if (map === undefined) return;
  const mapBytes = Math.min(map.endBytes - map.startBytes, Math.ceil(blocks.blockCount / 8));
  for (let done = 0; done < mapBytes; done += PIECE_BYTES) {
    const bits = await readAt(file, map.startBytes + done, Math.min(PIECE_BYTES, mapBytes - done));
    const firstBlock = done * 8;
    for (const { start, count } of setRuns(bits, 0, Math.min(bits.length * 8, blocks.blockCount - firstBlock))) {
      for (let block = firstBlock + start; block < firstBlock + start + count; block += 1) {
        yield { block, entry: await blocks.table.entry(block) };
      }
    }
  }
}

export const batmapFindings = async ({ file }: OpenVhd, blocks: BlockStore): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  let wrong = 0;
  for await (const { block, entry } of blocksCalledWhole(file, blocks)) {
    const isUnused = entry === UNUSED_ENTRY;
    if (!isUnused && (await isWhole(blocks, block, entry))) continue;
    const why = isUnused ? 'not allocated' : 'not whole by its bitmap';
    wrong += 1;
    if (wrong > MOST_FINDINGS) continue;
    const message = `The batmap calls block ${block} whole, but it is ${why}: XenServer reads it differently.`;
    findings.push({ severity: 'error', structure: 'VHD batmap', message });
  }
  if (wrong <= MOST_FINDINGS) return findings;
  const others = `So it is with ${wrong - MOST_FINDINGS} more blocks.`;
  return [...findings, { severity: 'error', structure: 'VHD batmap', message: others }];
};

const isWhole = async (blocks: BlockStore, block: number, entry: number): Promise<boolean> => {
  const [run] = setRuns(await blocks.bitmaps.of(block, entry), 0, blocks.blockSectors);
  return run?.start === 0 && run.count === blocks.blockSectors;
};
