import type { ReparentJobCommand } from '#domain/reparent-job/commands';
import type { ReparentJobEvent } from '#domain/reparent-job/events';
import { decide, evolve } from '#domain/reparent-job/reparent-job';
import { initialState, type ReparentJobState } from '#domain/reparent-job/state';
import { ENDS_A_RUN, JobTakenOver, metaFor, type JournalPorts } from '../jobs/job-stream.js';
import { emptyHead, seal, type ChainHead, type RecordedEvent } from '../journal/recorded-event.js';
import { EventStoreFault } from '../ports/event-store.js';

export const REPARENT_STREAM_PREFIX = 'reparent-';
export const reparentStreamName = (reparentId: string): string => `${REPARENT_STREAM_PREFIX}${reparentId}`;
export const reparentIdOf = (stream: string): string => stream.slice(REPARENT_STREAM_PREFIX.length);

/**
 * The stream of one change of a child's parent, with its state. Every event goes through `decide`, is sealed after the head that we
 * know, and is appended at exactly that revision.
 */
export class ReparentStream {
  private constructor(
    readonly reparentId: string,
    private readonly ports: JournalPorts,
    private job: ReparentJobState,
    private head: ChainHead,
  ) {}

  static empty(reparentId: string, ports: JournalPorts): ReparentStream {
    return new ReparentStream(
      reparentId,
      ports,
      initialState,
      emptyHead(reparentStreamName(reparentId), ports.digests),
    );
  }

  /** Throws `UnreadableEvent` for an event that this release does not know. */
  static async open(reparentId: string, ports: JournalPorts): Promise<ReparentStream> {
    const stream = ReparentStream.empty(reparentId, ports);
    for await (const event of ports.store.read(stream.name)) {
      stream.job = evolve(stream.job, ports.codec.decodeReparentEvent(event));
      stream.head = { revision: event.revision, hash: event.hash };
    }
    return stream;
  }

  get name(): string {
    return reparentStreamName(this.reparentId);
  }

  get state(): ReparentJobState {
    return this.job;
  }

  /** Durable when it returns; several commands are one append: all of their events or none. Throws `JobTakenOver` at a wrong revision. */
  async record(...commands: readonly ReparentJobCommand[]): Promise<void> {
    let next = this.job;
    const events: ReparentJobEvent[] = [];
    for (const command of commands) {
      const decision = decide(command, next);
      if (!decision.ok) throw new Error(`Bug: ${this.name} refused ${command.type}: ${JSON.stringify(decision.error)}`);
      next = evolve(next, decision.value);
      events.push(decision.value);
    }
    const { clock, codec, host } = this.ports;
    const sealed = seal(
      this.name,
      this.head,
      events.map((event) => ({
        ...codec.encode(event),
        occurredAt: clock.now(),
        meta: metaFor(this.reparentId, host, 0),
        isSigned: ENDS_A_RUN.has(event.type),
      })),
      this.ports,
    );
    await this.append(sealed);
    const { revision, hash } = sealed.at(-1)!;
    this.head = { revision, hash };
    this.job = next;
  }

  /** An append whose outcome is unknown is made again with the same events at the same revision: it cannot happen twice. */
  private async append(events: readonly RecordedEvent[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.ports.store.append(this.name, this.head.revision, events);
        if (answer.outcome === 'appended') return;
        const found = answer.actualRevision < this.head.revision ? 'fewer events' : 'other events';
        throw new JobTakenOver(this.reparentId, found);
      } catch (fault) {
        if (!(fault instanceof EventStoreFault) || attempt === APPEND_ATTEMPTS) throw fault;
        await this.ports.clock.sleep(attempt * 100);
      }
    }
  }
}

const APPEND_ATTEMPTS = 3;
