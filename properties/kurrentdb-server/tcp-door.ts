import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

/**
 * Below the ports that operating systems hand out by themselves: while the door is closed nobody is given our port by chance, and
 * a client that tries again and again cannot be connected to itself.
 */
const PORTS = { from: 20_000, to: 32_000 };
const ATTEMPTS = 50;

/** A port is given out once in a process: clients of a server that is gone keep trying it, and share connections by address. */
const givenOut = new Set<number>();

/** A TCP port that can be closed and opened again, with every connection under control: closing resets them, as a killed server does. */
export class TcpDoor {
  readonly #onConnection: (socket: Socket) => void;
  readonly #sockets = new Map<string, Socket>();
  #server: Server | null = null;
  #port = 0;

  constructor(onConnection: (socket: Socket) => void) {
    this.#onConnection = onConnection;
  }

  /** Of its own choice; 0 before the door was opened for the first time, and the same ever after. */
  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    if (this.#server !== null) return;
    this.#server = await (this.#port === 0 ? listeningAnywhere() : listening(this.#port));
    const address = this.#server.address();
    if (address === null || typeof address === 'string')
      throw new Error(`expected a TCP port, found ${String(address)}`);
    this.#port = address.port;
    this.#watch(this.#server);
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
    await closed;
  }

  /** Resets one connection, named `address:port` as its remote end. One that is gone already needs nothing. */
  break(peer: string): void {
    this.#sockets.get(peer)?.resetAndDestroy();
  }

  #watch(server: Server): void {
    server.on('connection', (socket) => {
      const peer = `${String(socket.remoteAddress)}:${String(socket.remotePort)}`;
      this.#sockets.set(peer, socket);
      socket.on('close', () => {
        if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer);
      });
      // Clients break off as they like; the calls on the connection hear of it by themselves.
      socket.on('error', () => undefined);
      this.#onConnection(socket);
    });
  }
}

const listeningAnywhere = async (): Promise<Server> => {
  for (let attempt = 1; ; attempt += 1) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (givenOut.has(port)) continue;
    givenOut.add(port);
    try {
      return await listening(port);
    } catch (error) {
      if (!isTaken(error) || attempt === ATTEMPTS) throw error;
    }
  }
};

const listening = async (port: number): Promise<Server> => {
  const server = createServer({ noDelay: true });
  server.listen(port, HOST);
  await once(server, 'listening');
  return server;
};

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
