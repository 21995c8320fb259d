/**
 * One VHDX, read. Guarantees:
 * - What it supplies follows the state of each block (FORMATS.md C1): nothing of a block that is not present, zeros of one that is
 *   zero, unmapped or undefined, its data of one that is fully present, the sectors whose bit is 1 of one that is partially present.
 * - Blocks that are not present cost nothing, however many there are.
 * - A dirty log counts as applied.
 */
import type { DiskImage, DiskItem, Finding, InspectedStructure, SuppliedRun } from '#application/ports/disk-image';
import type { ImageDescription } from '#domain/chain/image-description';
import { offsetOf, PAYLOAD, stateOf } from '#domain/disk-format/vhdx/bat';
import { setRuns } from '#domain/disk-format/vhdx/sector-bitmap';
import type { MergeError } from '#domain/merge-error';
import { endOf, type SectorRun } from '#domain/sector-run';
import { readExactly } from '../file-faults.js';
import type { OpenVhdx } from './open-vhdx.js';
import { linkRefusal } from './child-locator.js';
import { readItem } from './read-metadata.js';
import { sessionRefusal } from './vhdx-session.js';
import { inspectVhdx } from './vhdx-inspect.js';
import { validateVhdx } from './vhdx-validate.js';

/** Every other state supplies something, if only zeros. */
const isSupplied = (state: number): boolean => state !== PAYLOAD.notPresent;
const hasData = (state: number): boolean => state === PAYLOAD.fullyPresent || state === PAYLOAD.partiallyPresent;

export class VhdxImage implements DiskImage {
  readonly #sectorBytes: number;
  readonly #blockSectors: number;
  readonly #diskSectors: number;

  constructor(private readonly vhdx: OpenVhdx) {
    const { logicalSectorSize, blockSizeBytes, virtualSizeBytes } = vhdx.parameters;
    this.#sectorBytes = logicalSectorSize;
    this.#blockSectors = blockSizeBytes / logicalSectorSize;
    this.#diskSectors = virtualSizeBytes / logicalSectorSize;
  }

  get description(): ImageDescription {
    return this.vhdx.description;
  }

  async supplied(range: SectorRun): Promise<readonly SuppliedRun[]> {
    const end = Math.min(endOf(range), this.#diskSectors);
    if (range.start >= end) return [];
    const { bat } = this.vhdx;
    const runs: SuppliedRun[] = [];
    const endBlock = Math.ceil(end / this.#blockSectors);
    let block = await bat.nextPayload(Math.floor(range.start / this.#blockSectors), endBlock, isSupplied);
    while (block !== null) {
      const base = block * this.#blockSectors;
      const from = Math.max(range.start, base) - base;
      const to = Math.min(end, base + this.#blockSectors) - base;
      for (const run of await this.#runsOf(block, from, to)) append(runs, { ...run, start: base + run.start });
      block = await bat.nextPayload(block + 1, endBlock, isSupplied);
    }
    return runs;
  }

  nextSupplied(from: number): Promise<number | null> {
    return this.#nextInState(from, isSupplied);
  }

  nextData(from: number): Promise<number | null> {
    return this.#nextInState(from, hasData);
  }

  async read(run: SectorRun, into: Uint8Array): Promise<void> {
    if (run.start < 0 || endOf(run) > this.#diskSectors || into.length !== run.count * this.#sectorBytes) {
      throw new RangeError(
        `Bug: ${run.count} sectors from ${run.start} into ${into.length} bytes, of ${this.#diskSectors} sectors`,
      );
    }
    const { bat, view } = this.vhdx;
    for (let sector = run.start; sector < endOf(run);) {
      const block = Math.floor(sector / this.#blockSectors);
      const next = Math.min(endOf(run), (block + 1) * this.#blockSectors);
      const entry = await bat.payload(block);
      if (!hasData(stateOf(entry))) throw new RangeError(`Bug: sector ${sector} is not in ${this.vhdx.path}`);
      const part = into.subarray((sector - run.start) * this.#sectorBytes, (next - run.start) * this.#sectorBytes);
      const inBlock = sector - block * this.#blockSectors;
      await readExactly(view, part, offsetOf(entry) + inBlock * this.#sectorBytes);
      sector = next;
    }
  }

  async diskItems(): Promise<readonly DiskItem[]> {
    const items: DiskItem[] = [];
    for (const entry of this.vhdx.metadata) {
      if (!entry.isVirtualDisk) continue;
      const content = await readItem(this.vhdx.view, this.vhdx.regions.metadata, entry);
      items.push({ itemId: entry.itemId, isUser: entry.isUser, isRequired: entry.isRequired, content });
    }
    return items;
  }

  writeRefusal(): MergeError | null {
    return sessionRefusal(this.vhdx) ?? linkRefusal(this.vhdx);
  }

  inspect(): Promise<readonly InspectedStructure[]> {
    return inspectVhdx(this.vhdx);
  }

  validate(): Promise<readonly Finding[]> {
    return validateVhdx(this.vhdx);
  }

  async settle(): Promise<'dropped' | 'kept'> {
    const { file, bat, bitmaps } = this.vhdx;
    await file.flush();
    const answer = await file.dropCache();
    bat.forget();
    bitmaps.forget();
    return answer;
  }

  close(): Promise<void> {
    return this.vhdx.file.close();
  }

  async #nextInState(from: number, wanted: (state: number) => boolean): Promise<number | null> {
    if (from >= this.#diskSectors) return null;
    const { bat, geometry } = this.vhdx;
    const block = await bat.nextPayload(Math.floor(from / this.#blockSectors), geometry.payloadBlocks, wanted);
    return block === null ? null : Math.max(from, block * this.#blockSectors);
  }

  /** What the block supplies of its sectors [from, to), counted from its first one. */
  async #runsOf(block: number, from: number, to: number): Promise<readonly SuppliedRun[]> {
    const whole = { start: from, count: to - from };
    const state = stateOf(await this.vhdx.bat.payload(block));
    switch (state) {
      case PAYLOAD.notPresent:
        return [];
      case PAYLOAD.undefined:
      case PAYLOAD.zero:
      case PAYLOAD.unmapped:
        return [{ ...whole, kind: 'zero' }];
      case PAYLOAD.fullyPresent:
        return [{ ...whole, kind: 'data' }];
      case PAYLOAD.partiallyPresent:
        return setRuns(await this.vhdx.bitmaps.bitsOf(block), from, to).map((run) => ({ ...run, kind: 'data' }));
      default:
        throw new RangeError(`Bug: block ${block} in state ${state} was let in when ${this.vhdx.path} was opened`);
    }
  }
}

/** Adds a run, joined with the last one when they touch and are of one kind. */
const append = (runs: SuppliedRun[], run: SuppliedRun): void => {
  const last = runs.at(-1);
  if (last?.kind === run.kind && endOf(last) === run.start) {
    runs[runs.length - 1] = { start: last.start, count: last.count + run.count, kind: run.kind };
  } else runs.push(run);
};
