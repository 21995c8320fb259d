import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { ExpectedRevision } from './append-decision.js';
import type { KurrentFaults } from './faults.js';

/** How the server says no: a gRPC status, and trailers by which the clients know the kind (KurrentDB's RpcExceptions). */
export const rpcError = (
  code: status,
  details: string,
  trailers: Readonly<Record<string, string>> = {},
): ServiceError => {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error(details), { code, details, metadata });
};

/** Why the server as a whole does not serve now; null when it does. */
export const refusalOf = (faults: KurrentFaults): ServiceError | null => {
  if (!faults.ready) return rpcError(status.UNAVAILABLE, 'Server Is Not Ready');
  if (faults.leader === null) return null;
  return rpcError(status.NOT_FOUND, 'Leader info available', {
    exception: 'not-leader',
    'leader-endpoint-host': faults.leader.host,
    'leader-endpoint-port': String(faults.leader.port),
  });
};

export const streamDeleted = (stream: string): ServiceError =>
  rpcError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });

export const appendTooLarge = (maximumBytes: number): ServiceError =>
  rpcError(status.INVALID_ARGUMENT, `Maximum Append Size of ${maximumBytes} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(maximumBytes),
  });

/** Of a deletion; appends say it in their answer. */
export const wrongVersionForDeletion = (stream: string, expected: ExpectedRevision, current: number): ServiceError =>
  rpcError(status.FAILED_PRECONDITION, `Delete failed due to WrongExpectedVersion. Stream: ${stream}`, {
    exception: 'wrong-expected-version',
    'stream-name': stream,
    'expected-version': String(expected === 'no-stream' ? -1 : expected),
    'actual-version': String(current),
  });
