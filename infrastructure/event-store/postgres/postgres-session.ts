import { EventStoreFault, type EventStoreFaultKind } from '#application/ports/event-store';
import { isRow } from '../rows.js';
import type { Ask } from './postgres-connection.js';

export type Mode = 'read-write' | 'read-only';

const OLDEST_VERSION = 14;

/**
 * Every new connection, before its first question: settings that the role or the database may have otherwise, and a look at whether
 * this server can keep a promise at all. It is asked anew each time, because another server may stand behind the name by now.
 *
 * - synchronous_commit: an acknowledged append is on disk (and on the synchronous standbys, where there are any).
 * - read committed: an append that waited for another one sees what that one did.
 * - The server ends a statement a little before our own clock does, so that the connection can be kept.
 *
 * A pooler that gives each transaction another session (PgBouncer, pool_mode=transaction) would lose these; session mode keeps them.
 */
export const prepareSession = async (ask: Ask, mode: Mode, timeoutMs: number, place: string): Promise<void> => {
  const settings = {
    synchronous_commit: 'on',
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: mode === 'read-only' ? 'on' : 'off',
    statement_timeout: String(Math.ceil(timeoutMs * 0.9)),
    idle_in_transaction_session_timeout: String(timeoutMs),
  };
  const [server] = await ask(
    `SELECT count(set_config(name, value, false)),
            current_setting('server_version_num')::integer / 10000 AS version,
            current_setting('server_encoding') AS encoding,
            current_setting('fsync') AS fsync,
            pg_is_in_recovery() AS standby
     FROM unnest($1::text[], $2::text[]) AS settings (name, value)`,
    [Object.keys(settings), Object.values(settings)],
  );
  const unfit = isRow(server) ? unfitness(server, mode) : null;
  if (unfit !== null) throw new EventStoreFault(`${place}: ${unfit.because}`, { kind: unfit.kind });
};

interface Unfitness {
  readonly kind: EventStoreFaultKind;
  readonly because: string;
}

/** Why a journal cannot be kept there; null when it can. */
const unfitness = (server: Readonly<Record<string, unknown>>, mode: Mode): Unfitness | null => {
  const { version, encoding, fsync, standby } = server;
  if (Number(version) < OLDEST_VERSION) {
    return failed(
      `this is PostgreSQL ${String(version)}, a journal needs ${String(OLDEST_VERSION)} or later. Use a newer server.`,
    );
  }
  if (encoding !== 'UTF8') {
    return failed(
      `this database has the encoding ${String(encoding)}, a journal needs UTF8. Make another one: createdb --encoding=UTF8 --template=template0 NAME`,
    );
  }
  if (mode === 'read-only') return null;
  if (fsync !== 'on') {
    return failed(
      'this server runs with fsync=off, so what it acknowledges may be lost. Set fsync = on in its postgresql.conf and restart it.',
    );
  }
  if (standby !== true) return null;
  return { kind: 'unreachable', because: 'this server is a standby and takes no writes. Name the primary server.' };
};

const failed = (because: string): Unfitness => ({ kind: 'failed', because });
