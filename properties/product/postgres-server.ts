/**
 * A PostgreSQL server of our own for tests: in a scratch folder, on a free port of 127.0.0.1, with fsync on as in earnest. Where PostgreSQL
 * is missing the tests say what they leave out.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { diesWithUs } from './dies-with-us.js';

const USER = 'chainfold';
const OLDEST_VERSION = 14;
/** PostgreSQL refuses to run as root, so it gets the user that its packages make. */
const SERVER_USER = 'postgres';

interface Installed {
  readonly folder: string;
  /** Whom the server runs as; empty for ourselves. */
  readonly identity: { readonly uid?: number; readonly gid?: number };
}

/** The PostgreSQL of this machine, or a sentence about why there is none to use. */
export const postgresOrReason = (): Installed | string => {
  const folder = foldersToTry().find((each) => ['initdb', 'postgres'].every((name) => existsSync(join(each, name))));
  if (folder === undefined) return 'no PostgreSQL server (initdb, postgres) is installed here';
  const version = Number(
    / (\d+)/.exec(execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' }))?.[1],
  );
  if (!(version >= OLDEST_VERSION)) return `PostgreSQL ${String(version)} in ${folder} is too old`;
  if (process.getuid?.() !== 0) return { folder, identity: {} };
  const [uid, gid] = [outputOf('id', '-u', SERVER_USER), outputOf('id', '-g', SERVER_USER)];
  if (uid === '' || gid === '') return `PostgreSQL does not run as root, and there is no user ${SERVER_USER}`;
  return { folder, identity: { uid: Number(uid), gid: Number(gid) } };
};

/**
 * `describe` for tests with a server of their own, which is theirs until the last of them; without PostgreSQL, a skipped test that says
 * what was left out.
 */
export const describeWithPostgres = (title: string, tests: (server: () => PostgresServer) => void): void => {
  const postgres = postgresOrReason();
  describe(title, () => {
    if (typeof postgres === 'string') {
      console.warn(`left out: ${title}: ${postgres}`);
      test.skip(`left out: ${postgres}`);
    } else tests(serverOfTests());
  });
};

/** Runs for the tests of the surrounding `describe`; ask for it inside a test or a hook. */
const serverOfTests = (): (() => PostgresServer) => {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await PostgresServer.make();
  });
  afterAll(async () => {
    await server?.remove();
  });
  return () => {
    if (server === undefined) throw new Error('the server runs while tests run only');
    return server;
  };
};

export class PostgresServer {
  readonly port: number;
  readonly #installed: Installed;
  readonly #folder: string;
  #process: ChildProcess | null = null;
  #letLive: () => void = () => undefined;
  #databases = 0;

  private constructor(installed: Installed, folder: string, port: number) {
    this.#installed = installed;
    this.#folder = folder;
    this.port = port;
  }

  /** A new, empty server that runs. */
  static async make(): Promise<PostgresServer> {
    const installed = postgresOrReason();
    if (typeof installed === 'string') throw new Error(installed);
    const { folder: programs, identity } = installed;
    const folder = mkdtempSync(join(tmpdir(), 'chainfold-postgres-'));
    if (identity.uid !== undefined && identity.gid !== undefined) chownSync(folder, identity.uid, identity.gid);
    const settings = [`--username=${USER}`, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(programs, 'initdb'), [...settings, '--pgdata', join(folder, 'data')], {
      ...identity,
      cwd: folder,
      stdio: 'pipe',
    });
    const server = new PostgresServer(installed, folder, await freePort());
    await server.start();
    return server;
  }

  /** Of the database that every server has. */
  get url(): string {
    return this.#urlOf('postgres');
  }

  /** The URL of a new, empty database. `settings` as CREATE DATABASE takes them. */
  async newDatabase(settings = ''): Promise<string> {
    const name = `journal_${String((this.#databases += 1))}`;
    await bySql(this.url, `CREATE DATABASE ${name} ${settings}`);
    return this.#urlOf(name);
  }

  /** Ends when the server answers. `settings`: names and values, only until it is stopped. */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = {
      port: String(this.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'on',
      lc_messages: 'C',
      shared_buffers: '16MB',
      // After a kill the server flushes every file of every database before it answers: one by one that takes seconds.
      ...(process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {}),
      ...settings,
    };
    const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const { folder, identity } = this.#installed;
    const child = spawn(join(folder, 'postgres'), ['-D', join(this.#folder, 'data'), ...options], {
      ...identity,
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    if (child.pid !== undefined) this.#letLive = diesWithUs(child.pid, this.#folder);
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (said.length < 100) said.push(line);
        if (line.includes('ready to accept connections')) resolve();
      });
      child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${said.join('\n')}`)));
    });
  }

  /** Like a crash: all its processes are gone at once, and nothing is tidied up. Ends when they are. */
  async kill(): Promise<void> {
    const server = this.#process;
    if (server?.pid === undefined) return;
    // Stopped first, so that it starts nobody while its processes are counted.
    server.kill('SIGSTOP');
    const workers = processes().filter(({ parent }) => parent === server.pid);
    for (const { pid } of workers) process.kill(pid, 'SIGKILL');
    await this.#ended('SIGKILL');
    while (processes().some(({ pid, state }) => !state.startsWith('Z') && workers.some((worker) => worker.pid === pid)))
      await sleep(5);
  }

  /** As an administrator stops it: sessions are told and ended, and all is written. */
  async stop(): Promise<void> {
    await this.#ended('SIGINT');
  }

  /** For good, with all that it held. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }

  async #ended(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    if (server === null) return;
    this.#process = null;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
    this.#letLive();
  }

  #urlOf(database: string): string {
    return `postgres://${USER}@127.0.0.1:${String(this.port)}/${database}`;
  }
}

/** Changes or asks a database by SQL, beside the store; gives back the rows of the (last) statement. */
export const bySql = async (url: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  // An administrator's session, whatever a test has set for the others.
  const client = new Client({ connectionString: url, options: '-c default_transaction_read_only=off' });
  await client.connect();
  try {
    const answers = [await client.query<Record<string, unknown>>(sql)].flat();
    return answers.at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
};

const foldersToTry = (): string[] => {
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : [];
  return [
    outputOf('pg_config', '--bindir'),
    ...versions.map((version) => join(packaged, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ].filter((folder) => folder !== '');
};

/** What a program says, or nothing when it is not there or fails. */
const outputOf = (program: string, ...args: readonly string[]): string => {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch (error) {
    if (error instanceof Error) return '';
    throw error;
  }
};

const processes = (): { readonly pid: number; readonly parent: number; readonly state: string }[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = '']) => ({ pid: Number(pid), parent: Number(parent), state }));

const freePort = async (): Promise<number> => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('a listener on TCP has a port');
  return address.port;
};
