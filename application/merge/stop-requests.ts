import type { Clock } from '../ports/clock.js';
import type { EventCodec } from '../ports/event-codec.js';
import type { EventStore } from '../ports/event-store.js';
import { controlStreamName } from '../jobs/job-stream.js';

/** Somebody wants this run to stop at the next durable point. */
export interface StopRequest {
  readonly action: 'suspend' | 'terminate';
  readonly by: string;
  readonly why: 'requested' | 'signal';
}

/**
 * Requests to stop, from this process (a signal, the library) and from others (the job's control stream). Only requests made
 * after this run began count: an old one must not stop a later run.
 */
export class StopRequests {
  private request: StopRequest | null = null;
  private readonly abort = new AbortController();
  private checkedAt = -Infinity;
  private seenRevision: number;

  private constructor(
    private readonly stream: string,
    private ports: StopPorts,
    headRevision: number,
  ) {
    this.seenRevision = headRevision;
  }

  static async forJob(jobId: string, ports: StopPorts): Promise<StopRequests> {
    const stream = controlStreamName(jobId);
    return new StopRequests(stream, ports, (await ports.store.head(stream))?.revision ?? -1);
  }

  /** From here on looks for requests through this store. */
  lookThrough(store: EventStore): void {
    this.ports = { ...this.ports, store };
  }

  /** Aborts when a request is there: ends sleeps. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  ask(request: StopRequest): void {
    // Termination is final, so it overrides a suspension that was asked for before.
    if (this.request?.action !== 'terminate') this.request = request;
    this.abort.abort();
  }

  /** The request, if there is one; looks into the control stream when the last look is long enough ago. */
  async check(): Promise<StopRequest | null> {
    const now = this.ports.clock.monotonic();
    if (now - this.checkedAt >= LOOK_EVERY_MS) {
      this.checkedAt = now;
      await this.lookIntoControlStream();
    }
    return this.request;
  }

  private async lookIntoControlStream(): Promise<void> {
    const { store, codec } = this.ports;
    const head = await store.head(this.stream);
    if (head === null || head.revision <= this.seenRevision) return;
    for await (const event of store.read(this.stream, { fromRevision: this.seenRevision + 1 })) {
      this.seenRevision = event.revision;
      const { type, by } = codec.decodeControlRequest(event);
      this.ask({ action: type === 'SuspendRequested' ? 'suspend' : 'terminate', by, why: 'requested' });
    }
  }
}

interface StopPorts {
  readonly store: EventStore;
  readonly codec: EventCodec;
  readonly clock: Clock;
}

const LOOK_EVERY_MS = 100;
