import type { ControlRequest } from '#domain/merge-job/control';
import type { MergeJobEvent } from '#domain/merge-job/events';
import type { ReparentJobEvent } from '#domain/reparent-job/events';
import type { RecordedEvent } from '../journal/recorded-event.js';

/** Between events and what is recorded of them: versioned, and checked field by field on the way in and on the way out. */
export interface EventCodec {
  encode(event: MergeJobEvent | ControlRequest | ReparentJobEvent): {
    readonly type: string;
    readonly v: number;
    readonly data: unknown;
  };
  /** Throws `UnreadableEvent` for an unknown type or a wrong shape: a fold that meets one stops. */
  decodeJobEvent(recorded: RecordedEvent): MergeJobEvent;
  decodeControlRequest(recorded: RecordedEvent): ControlRequest;
  decodeReparentEvent(recorded: RecordedEvent): ReparentJobEvent;
}

export class UnreadableEvent extends Error {
  constructor(
    readonly stream: string,
    readonly revision: number,
    reason: string,
  ) {
    super(`Event ${String(revision)} of stream ${stream} cannot be read: ${reason}`);
    this.name = 'UnreadableEvent';
  }
}
