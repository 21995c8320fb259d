import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Socket } from 'node:net';
import { appendCall } from './append-call.js';
import { batchAppendCall } from './batch-append-call.js';
import type { CallContext } from './call-context.js';
import { gossipCall, supportedMethodsCall } from './cluster-calls.js';
import { deleteCall, tombstoneCall } from './delete-calls.js';
import { EventLog } from './event-log.js';
import { KurrentFaults } from './faults.js';
import { gossipRpc, serverFeaturesRpc, streamsRpc } from './messages.js';
import { readCall } from './read-call.js';
import { TcpDoor } from './tcp-door.js';

export interface KurrentServerOptions {
  /** False: as an old server, which makes the client append by the unary call. Default true. */
  readonly batchAppend?: boolean;
  /** Default 1 MiB, as EventStoreDB 23.10 has it. */
  readonly maxAppendBytes?: number;
  /** Default: an empty one. */
  readonly log?: EventLog;
}

const MAX_APPEND_BYTES = 1024 * 1024;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** One life of the server, between start and stop. */
interface Run {
  readonly accept: (socket: Socket) => void;
  readonly end: () => void;
}

/**
 * A KurrentDB (EventStoreDB) server for tests, in this process: the part of its gRPC protocol that reads, writes, deletes and
 * watches streams, over real sockets, for the real client. No users, no TLS, no projections, no persistent subscriptions.
 */
export class KurrentProtocolServer {
  /** Outlives stop and start. */
  readonly log: EventLog;
  readonly faults: KurrentFaults;
  readonly #options: KurrentServerOptions;
  readonly #door: TcpDoor;
  #run: Run | null = null;

  private constructor(options: KurrentServerOptions) {
    this.log = options.log ?? new EventLog();
    this.faults = new KurrentFaults(this);
    this.#options = options;
    this.#door = new TcpDoor((socket) => this.#run?.accept(socket));
  }

  static async start(options: KurrentServerOptions = {}): Promise<KurrentProtocolServer> {
    const server = new KurrentProtocolServer(options);
    await server.start();
    return server;
  }

  get port(): number {
    return this.#door.port;
  }

  get url(): string {
    return `kurrentdb://127.0.0.1:${this.port}?tls=false`;
  }

  /** Resets all connections at once, as the kernel does for a killed process. The port stays ours. */
  async stop(): Promise<void> {
    const closed = this.#door.close();
    // Only after the connections: shutting down says goodbye on those that are open, and a killed process does not.
    this.#run?.end();
    this.#run = null;
    this.faults.forgetStalled();
    await closed;
  }

  /** At the same port, with the same log. */
  async start(): Promise<void> {
    this.#run ??= this.#newRun();
    await this.#door.open();
  }

  #newRun(): Run {
    const stopped = new AbortController();
    const context: CallContext = {
      log: this.log,
      faults: this.faults,
      maxAppendBytes: this.#options.maxAppendBytes ?? MAX_APPEND_BYTES,
      breakConnection: (peer) => this.#door.break(peer),
      stopped: stopped.signal,
    };
    const grpc = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
    grpc.addService(streamsRpc.StreamsService, {
      append: appendCall(context),
      batchAppend: batchAppendCall(context),
      read: readCall(context),
      delete: deleteCall(context),
      tombstone: tombstoneCall(context),
    });
    grpc.addService(serverFeaturesRpc.ServerFeaturesService, {
      getSupportedMethods: supportedMethodsCall(context, this.#options.batchAppend ?? true),
    });
    grpc.addService(gossipRpc.GossipService, { read: gossipCall(context, () => this.port) });
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
    return {
      accept: (socket) => injector.injectConnection(socket),
      end: () => {
        stopped.abort();
        injector.destroy();
        grpc.forceShutdown();
      },
    };
  }
}
