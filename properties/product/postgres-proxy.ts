import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { JournalFaults } from '../contracts/journal.js';
import type { PostgresServer } from './postgres-server.js';

/** How an append is known on the wire. */
const APPEND = 'INSERT INTO chainfold.events';
const PARSE = 'P'.charCodeAt(0);
const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/** Stands between stores and a server, on a port of its own, and does to their connections what a bad network does. */
export class PostgresProxy implements JournalFaults {
  readonly #server: PostgresServer;
  readonly #pairs = new Set<Pair>();
  #listener: Server;
  #port = 0;
  #stalled = false;
  #lose: 'append' | 'reply' | null = null;

  private constructor(server: PostgresServer) {
    this.#server = server;
    this.#listener = this.#newListener();
  }

  static async before(server: PostgresServer): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(server);
    await proxy.#listen();
    return proxy;
  }

  /** The same database through the proxy. */
  through(databaseUrl: string): string {
    const url = new URL(databaseUrl);
    url.port = String(this.#port);
    return url.href;
  }

  loseNextAppend(): void {
    this.#lose = 'append';
  }

  loseNextReply(): void {
    this.#lose = 'reply';
  }

  /** What comes meanwhile is kept, and passed on by `goOn`. */
  stall(): void {
    this.#stalled = true;
    this.forgetConnections();
  }

  goOn(): void {
    this.#stalled = false;
    for (const pair of this.#pairs) pair.goOn();
  }

  /** The connections of now are answered no more, until `goOn`; new ones are: as when a router has forgotten them. */
  forgetConnections(): void {
    for (const pair of this.#pairs) pair.hold();
  }

  /** Breaks every connection of now. */
  cut(): void {
    for (const pair of [...this.#pairs]) pair.cut();
  }

  async stop(): Promise<void> {
    await this.close();
    await this.#server.kill();
  }

  async start(): Promise<void> {
    await this.#server.start();
    this.#listener = this.#newListener();
    await this.#listen();
  }

  /** Nobody is listening any more; the server goes on. */
  async close(): Promise<void> {
    if (!this.#listener.listening) return;
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    this.cut();
    await closed;
  }

  #newListener(): Server {
    return createServer((client) => {
      const pair = new Pair(client, connect(this.#server.port, '127.0.0.1'), () => this.#takeFault());
      this.#pairs.add(pair);
      client.once('close', () => this.#pairs.delete(pair));
      if (this.#stalled) pair.hold();
    });
  }

  async #listen(): Promise<void> {
    this.#listener.listen(this.#port, '127.0.0.1');
    await once(this.#listener, 'listening');
    const address = this.#listener.address();
    if (address === null || typeof address === 'string') throw new Error('a listener on TCP has a port');
    this.#port = address.port;
  }

  /** The fault that waits for an append; it strikes once. */
  #takeFault(): 'append' | 'reply' | null {
    const fault = this.#lose;
    this.#lose = null;
    return fault;
  }
}

/** One store's connection and the server's end of it. */
class Pair {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #takeFault: () => 'append' | 'reply' | null;
  readonly #fromClient = new Messages('untyped first');
  readonly #fromServer = new Messages('typed');
  #cutAtAnswer = false;

  constructor(client: Socket, server: Socket, takeFault: () => 'append' | 'reply' | null) {
    this.#client = client;
    this.#server = server;
    this.#takeFault = takeFault;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // Each end breaks the other one: that is the error's whole meaning here.
      socket.on('error', () => this.cut());
      socket.on('close', () => this.cut());
    }
    client.on('data', (chunk: Buffer) => this.#ask(chunk));
    server.on('data', (chunk: Buffer) => this.#answer(chunk));
  }

  hold(): void {
    this.#client.pause();
    this.#server.pause();
  }

  goOn(): void {
    this.#client.resume();
    this.#server.resume();
  }

  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #ask(chunk: Buffer): void {
    const appends = this.#fromClient.in(chunk).some(({ type, body }) => type === PARSE && body.includes(APPEND));
    const fault = appends ? this.#takeFault() : null;
    if (fault === 'append') this.cut();
    else this.#server.write(chunk);
    if (fault === 'reply') this.#cutAtAnswer = true;
  }

  #answer(chunk: Buffer): void {
    const isAnswered = this.#fromServer.in(chunk).some(({ type }) => type === READY_FOR_QUERY);
    if (!this.#cutAtAnswer) this.#client.write(chunk);
    else if (isAnswered) this.cut();
  }
}

interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/**
 * The messages in a stream of bytes: a type of one byte, a length of four that counts itself, the body. A client's first one has no
 * type (PostgreSQL manual, "Frontend/Backend Protocol", "Message Formats").
 */
class Messages {
  #rest: Buffer = Buffer.alloc(0);
  #typeBytes: 0 | 1;

  constructor(kind: 'typed' | 'untyped first') {
    this.#typeBytes = kind === 'typed' ? 1 : 0;
  }

  /** Those that this chunk completes. */
  in(chunk: Buffer): Message[] {
    const found: Message[] = [];
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= this.#typeBytes + 4) {
      const end = this.#typeBytes + this.#rest.readUInt32BE(this.#typeBytes);
      if (this.#rest.length < end) break;
      const type = this.#typeBytes === 0 ? 0 : this.#rest.readUInt8(0);
      found.push({ type, body: this.#rest.subarray(this.#typeBytes + 4, end) });
      this.#rest = this.#rest.subarray(end);
      this.#typeBytes = 1;
    }
    return found;
  }
}
