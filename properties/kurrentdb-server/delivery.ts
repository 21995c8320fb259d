import type { ServerWritableStream } from '@grpc/grpc-js';
import type { LoggedEvent } from './event-log.js';
import type { KurrentFaults } from './faults.js';
import type { UuidForm } from './identifiers.js';
import type { streams } from './messages.js';
import { eventResponse, type ReadResp } from './read-responses.js';

export type ReadCall = ServerWritableStream<InstanceType<typeof streams.ReadReq>, ReadResp>;

/** With duplicates on: after this many events the last two are delivered once more. */
const DUPLICATE_EVERY = 3;

/** Sends to one caller, no faster than it takes; nothing while the server is stalled, nothing more when the caller is gone. */
export class Delivery {
  readonly gone: AbortSignal;
  readonly #call: ReadCall;
  readonly #faults: KurrentFaults;
  readonly #uuidForm: UuidForm;
  #delivered = 0;
  #previous: LoggedEvent | null = null;

  constructor(call: ReadCall, faults: KurrentFaults, uuidForm: UuidForm) {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    call.on('close', () => gone.abort());
    this.gone = gone.signal;
    this.#call = call;
    this.#faults = faults;
    this.#uuidForm = uuidForm;
  }

  async event(event: LoggedEvent): Promise<void> {
    await this.message(eventResponse(event, this.#uuidForm));
    this.#delivered += 1;
    if (this.#faults.duplicates && this.#delivered % DUPLICATE_EVERY === 0) await this.#again(event);
    this.#previous = event;
  }

  async message(message: ReadResp): Promise<void> {
    await this.#faults.unstalled();
    if (this.gone.aborted) return;
    if (!this.#call.write(message)) await this.#drained();
  }

  async #again(event: LoggedEvent): Promise<void> {
    if (this.#previous !== null) await this.message(eventResponse(this.#previous, this.#uuidForm));
    await this.message(eventResponse(event, this.#uuidForm));
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.#call.off('drain', go);
        this.gone.removeEventListener('abort', go);
        resolve();
      };
      this.#call.on('drain', go);
      this.gone.addEventListener('abort', go);
    });
  }
}
