import type { EventLog } from './event-log.js';
import type { KurrentFaults } from './faults.js';

/** What every call works with, for one run of the server, from its start to its stop. */
export interface CallContext {
  readonly log: EventLog;
  readonly faults: KurrentFaults;
  /** An append whose events take more is refused. */
  readonly maxAppendBytes: number;
  /** Resets the TCP connection of this peer, `address:port` as its call names it, at once. */
  readonly breakConnection: (peer: string) => void;
  /** Aborted: this run has ended, and what still arrives from its connections changes nothing any more. */
  readonly stopped: AbortSignal;
}
