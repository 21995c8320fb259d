import type { MergeOptions } from '../../domain/merge-job/events.js';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { imageBytes } from '../models/plain-vhd.js';
import { chainImages, type ChainSpec, type MergePair } from '../arbitraries/chains.js';
import { vhdxChainImages, type VhdxChainSpec } from '../arbitraries/vhdx-chains.js';
import { FreeLocks } from '../simulation/free-locks.js';
import type { Draw } from '../simulation/memory-file.js';
import { MemoryFileSystem, type MemoryOptions, PowerLoss } from '../simulation/memory-file-system.js';
import { PoweredStore, type LossAtAppend } from '../simulation/powered-store.js';
import { merge, productPorts, type Merged } from './product.js';

const FOLDER = '/d';

/** Where a run loses its power: at its n-th file call, at an append, or nowhere. Or what else is wrong with its disk. */
export type Loss = { readonly call: number } | { readonly disk: MemoryOptions } | LossAtAppend | null;

const diskFor = (loss: Loss): MemoryOptions => {
  if (loss === null || 'append' in loss) return {};
  return 'disk' in loss ? loss.disk : { powerLossAt: loss.call };
};

/** A run on the simulated disk, as far as it came. */
export type SimulatedRun = {
  readonly files: MemoryFileSystem;
  readonly appendedAfter: readonly number[];
  /** Null: the power went. */
  readonly merged: Merged | null;
};

/** The files of a chain, leaf to base, as they are put on the simulated disk. */
export type ChainFiles = readonly {
  readonly fileName: string;
  readonly content: Parameters<MemoryFileSystem['put']>[1];
}[];

export const vhdFiles = (chain: ChainSpec): ChainFiles =>
  chainImages(chain).map(({ fileName, image }) => ({ fileName, content: imageBytes(image) }));

export const vhdxFiles = (chain: VhdxChainSpec): ChainFiles =>
  vhdxChainImages(chain).map(({ fileName, image }) => ({ fileName, content: image }));

/** One merge on a disk and a journal that survive their power losses, run by run. */
export class SimulatedMerge {
  readonly paths: readonly string[];
  private disk: MemoryFileSystem;
  private readonly journal = new MemoryJournal();

  constructor(
    chain: ChainFiles,
    private readonly pair: MergePair,
    private readonly options: Partial<MergeOptions>,
  ) {
    this.disk = new MemoryFileSystem();
    for (const { fileName, content } of chain) this.disk.put(`${FOLDER}/${fileName}`, content);
    this.paths = chain.map(({ fileName }) => `${FOLDER}/${fileName}`);
  }

  get files(): MemoryFileSystem {
    return this.disk;
  }

  /** Runs the merge, or goes on with it, until it ends or the power goes; then `draw` says what the disk keeps. */
  async run(loss: Loss, draw: Draw): Promise<SimulatedRun> {
    const files = this.disk.restarted(diskFor(loss), draw);
    const store = new PoweredStore(
      new MemoryEventStore(this.journal),
      files,
      loss !== null && 'append' in loss ? loss : null,
    );
    const ports = { ...productPorts({ files, store }), locks: new FreeLocks() };
    let merged: Merged | null = null;
    try {
      merged = await merge(ports, this.paths[this.pair.source]!, this.paths[this.pair.destination]!, this.options);
    } catch (fault) {
      if (!(fault instanceof PowerLoss) || !files.isOff) throw fault;
    }
    this.disk = files;
    return { files, appendedAfter: store.appendedAfter, merged };
  }

  /** The disk as it is after the power came back, without a run. */
  afterPowerLoss(draw: Draw): MemoryFileSystem {
    this.disk = this.disk.restarted({}, draw);
    return this.disk;
  }

  async events(): Promise<readonly RecordedEvent[]> {
    const store = new MemoryEventStore(this.journal);
    const events: RecordedEvent[] = [];
    for await (const { stream } of store.list('merge-'))
      for await (const event of store.read(stream)) events.push(event);
    return events;
  }
}
