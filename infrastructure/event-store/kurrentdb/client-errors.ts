import { NO_STREAM } from '#application/ports/event-store';

/**
 * What an error of the client means, by its `type` and by its gRPC code, never by its message:
 * - `refused`: the server heard the call and says no; asking again changes nothing, a person has to;
 * - `not-leader`: this node takes no such calls now. The client turns to the leader it was told, for its next call;
 * - `unknown`: nobody knows what became of the call.
 */
export type Verdict = 'refused' | 'not-leader' | 'unknown';

/** Names of the client's `ErrorType`. `cancelled`, not `unavailable`, is what a dying server gives to a batch append. */
const PASSING: ReadonlySet<string> = new Set(['unavailable', 'cancelled', 'deadline-exceeded', 'timeout']);

const LASTING: ReadonlySet<string> = new Set([
  'access-denied',
  'append-record-size-exceeded',
  'invalid-argument',
  'invalid-transaction',
  'maximum-append-size-exceeded',
  'missing-required-metadata-property',
  'not-found',
  'stream-deleted',
  'stream-tombstoned',
  'transaction-max-size-exceeded',
  'unsupported',
  'wrong-expected-version',
]);

/**
 * gRPC: INVALID_ARGUMENT, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED.
 * Not RESOURCE_EXHAUSTED: a server or a proxy that wants fewer calls says that, and wants them no longer later on.
 */
const LASTING_CODES: ReadonlySet<number> = new Set([3, 6, 7, 9, 11, 12, 16]);

const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;

/**
 * Whatever is not known to be a refusal counts as unknown: the bridge's errors have no code, those of the call before the
 * first append have no type, and a gossip that found nobody is a plain `Error`.
 */
export const verdictOf = (error: unknown): Verdict => {
  const type = typeOf(error);
  if (type === 'not-leader') return 'not-leader';
  if (PASSING.has(type)) return 'unknown';
  return LASTING.has(type) || LASTING_CODES.has(codeOf(error)) ? 'refused' : 'unknown';
};

/** Where the stream really is, when that is what the error says; else null. */
export const actualRevisionIn = (error: unknown): number | null => {
  if (typeOf(error) !== 'wrong-expected-version') return null;
  const actual = isObject(error) ? error.actualState : undefined;
  if (typeof actual === 'bigint') return Number(actual);
  return actual === 'no_stream' ? NO_STREAM : null;
};

export const isNoSuchStream = (error: unknown): boolean => typeOf(error) === 'stream-not-found';

/** Deleted for good ("tombstoned"): the server never lets a stream of this name be again. */
export const isDeletedForGood = (error: unknown): boolean =>
  ['stream-deleted', 'stream-tombstoned'].includes(typeOf(error));

export const isAccessDenied = (error: unknown): boolean =>
  typeOf(error) === 'access-denied' || codeOf(error) === PERMISSION_DENIED;

/** What a person can do about it: a sentence after a space, or nothing. */
export const adviceFor = (error: unknown): string => {
  if (isAccessDenied(error) || codeOf(error) === UNAUTHENTICATED) return ADVICE.rights;
  if (isDeletedForGood(error)) return ADVICE.deleted;
  if (typeOf(error).endsWith('size-exceeded')) return ADVICE.size;
  return verdictOf(error) === 'refused' ? '' : ADVICE.reach;
};

const ADVICE = {
  rights:
    ' Name a user with the rights to this stream, as kurrentdb://USER:PASSWORD@HOST; without TLS (tls=false) the client sends none.',
  deleted:
    ' The stream was deleted for good on the server, and none of this name can be again: restore the database, or begin a new job.',
  size: ' Raise MaxAppendSize in the settings of the server to 1 MiB or more, then run the same command again.',
  reach: ' Check that the server runs and can be reached from here; one without TLS needs ?tls=false in the URL.',
} as const;

/** What the error says of itself, or at least its type: some of the bridge's errors have no message. */
export const saidBy = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim() === '' ? typeOf(error) || 'no reason was given' : message.trim().replace(/\.$/, '');
};

const typeOf = (error: unknown): string => (isObject(error) && typeof error.type === 'string' ? error.type : '');

const codeOf = (error: unknown): number => (isObject(error) && typeof error.code === 'number' ? error.code : -1);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
