import type { RecordedEvent } from '#application/journal/recorded-event';
import type { AppendOutcome, EventStore, StreamHead } from '#application/ports/event-store';
import { PowerLoss, type MemoryFileSystem } from './memory-file-system.js';

/** The append at which the power goes: before it reached the disk, or after it did and before anyone was told. */
export type LossAtAppend = { readonly append: number; readonly committed: boolean };

/** A store on the same machine as the files: their power is its power. */
export class PoweredStore implements EventStore {
  /** For each append, how many file calls had been made before it. */
  readonly appendedAfter: number[] = [];

  constructor(
    private readonly store: EventStore,
    private readonly files: MemoryFileSystem,
    private readonly loss: LossAtAppend | null,
  ) {}

  async append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome> {
    this.powered();
    const isLast = this.appendedAfter.length === this.loss?.append;
    this.appendedAfter.push(this.files.calls.length);
    if (isLast && !this.loss.committed) this.files.turnOff();
    this.powered();
    const outcome = await this.store.append(stream, expectedRevision, events);
    if (isLast) this.files.turnOff();
    this.powered();
    return outcome;
  }

  async *read(stream: string, options?: { readonly fromRevision?: number }): AsyncIterable<RecordedEvent> {
    for await (const event of this.store.read(stream, options)) {
      this.powered();
      yield event;
    }
  }

  async readLast(stream: string, type?: string): Promise<RecordedEvent | null> {
    this.powered();
    return await this.store.readLast(stream, type);
  }

  list(prefix: string): AsyncIterable<StreamHead> {
    this.powered();
    return this.store.list(prefix);
  }

  async head(stream: string): Promise<StreamHead | null> {
    this.powered();
    return await this.store.head(stream);
  }

  subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    this.powered();
    return this.store.subscribe(stream, fromRevision, signal);
  }

  async checkBeside(stream: string): Promise<readonly string[]> {
    return await this.store.checkBeside(stream);
  }

  async close(): Promise<void> {
    await this.store.close();
  }

  private powered(): void {
    if (this.files.isOff) throw new PowerLoss();
  }
}
