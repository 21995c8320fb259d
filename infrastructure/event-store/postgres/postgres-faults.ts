import { EventStoreFault, type EventStoreFaultKind } from '#application/ports/event-store';

/** What an error of the driver or of the server means for the store. */
interface Trouble {
  readonly kind: EventStoreFaultKind;
  /** Two transactions met, and the server asks one of them to begin again. */
  readonly conflict?: true;
  readonly advice: string;
}

const AWAY = 'Is the server running, and can it be reached from here?';
const FAILED = 'Look into the log of the database server.';

/**
 * SQLSTATE, whole or its class of two characters (PostgreSQL manual, appendix A). A server that starts, shuts down, is full of
 * connections, or has become a standby is away: waiting makes sense. So it does after a time-out.
 */
const BY_SQLSTATE: Readonly<Record<string, Trouble>> = {
  '08': { kind: 'unreachable', advice: AWAY },
  '25006': {
    kind: 'unreachable',
    advice: 'This server takes no writes (a standby?). It goes on with a primary server.',
  },
  '25P03': { kind: 'unreachable', advice: AWAY },
  '28': {
    kind: 'failed',
    advice: 'Check the user and the password (in the URL, PGPASSWORD, or pg_hba.conf on the server).',
  },
  '3D000': { kind: 'failed', advice: 'Make the database first (createdb), or name another one.' },
  '40001': { kind: 'unreachable', conflict: true, advice: 'Other transactions are always in the way.' },
  '40P01': { kind: 'unreachable', conflict: true, advice: 'Other transactions are always in the way.' },
  '42501': {
    kind: 'failed',
    advice:
      'Reading needs USAGE on the schema chainfold and SELECT on its tables; writing also INSERT, UPDATE there, and CREATE on the database the first time.',
  },
  '53100': { kind: 'out-of-space', advice: 'Make room on the disk of the database server.' },
  '53200': { kind: 'unreachable', advice: AWAY },
  '53300': { kind: 'unreachable', advice: 'The server has too many connections (max_connections).' },
  '55P03': { kind: 'unreachable', advice: 'Another transaction holds its locks for long.' },
  '57014': { kind: 'unreachable', advice: 'The server was too slow, or another transaction holds its locks for long.' },
  '57P01': { kind: 'unreachable', advice: AWAY },
  '57P02': { kind: 'unreachable', advice: AWAY },
  '57P03': { kind: 'unreachable', advice: AWAY },
  '57P05': { kind: 'unreachable', advice: AWAY },
};

/** Of the operating system, when there is no answer from the other side, or no more. */
const AWAY_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The driver's own words for a lost connection and for its own timers; these errors have no code. */
const AWAY_WORDS =
  /^(Connection terminated|timeout expired|timeout exceeded|Query read timeout|Client has encountered a connection error|Client was closed)/;

/** Whatever went wrong as the port's fault, what the server or the driver said kept as `cause`. A fault stays as it is. */
export const faultOf = (what: string, error: unknown): EventStoreFault => {
  if (error instanceof EventStoreFault) return error;
  const { kind, advice } = troubleOf(error);
  return new EventStoreFault(`${what}: ${saidBy(error)}. ${advice}`, { cause: error, kind });
};

/** The server asks for the same transaction again: nothing of it was done. */
export const isConflict = (error: unknown): boolean => troubleOf(error).conflict === true;

const troubleOf = (error: unknown): Trouble => {
  const code = codeOf(error);
  const known = BY_SQLSTATE[code] ?? BY_SQLSTATE[code.slice(0, 2)];
  if (known !== undefined && isSqlState(code)) return known;
  if (AWAY_CODES.has(code) || isNoSocket(error, code)) return { kind: 'unreachable', advice: AWAY };
  const isAway = code === '' && error instanceof Error && AWAY_WORDS.test(error.message);
  return isAway ? { kind: 'unreachable', advice: AWAY } : { kind: 'failed', advice: FAILED };
};

/** A server on a socket of this host that does not run; any other missing file is one that the URL names. */
const isNoSocket = (error: unknown, code: string): boolean =>
  code === 'ENOENT' && error instanceof Error && 'syscall' in error && error.syscall === 'connect';

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code);

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Several addresses of one name that all refuse come as an error without words of its own. */
const saidBy = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(saidBy).join(', ');
  return error instanceof Error ? error.message : String(error);
};
