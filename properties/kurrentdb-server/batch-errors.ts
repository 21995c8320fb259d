import type { ExpectedRevision } from './append-decision.js';
import { streamIdentifier } from './identifiers.js';
import { anyMessage, code, emptyMessage, shared, status } from './messages.js';

const { Code } = code;

type Status = InstanceType<typeof status.Status>;

/**
 * How BatchAppend says no to one append: a `google.rpc.Status` in the answer, and the call goes on. The clients go by the packed
 * details alone.
 */
const batchError = (statusCode: code.Code, message: string, typeName: string, details: Uint8Array): Status => {
  const any = new anyMessage.Any();
  any.pack(details, typeName);
  return new status.Status().setCode(statusCode).setMessage(message).setDetails(any);
};

export const wrongExpectedVersion = (expected: ExpectedRevision, current: number): Status => {
  const details = new shared.WrongExpectedVersion();
  if (current >= 0) details.setCurrentStreamRevision(String(current));
  else details.setCurrentNoStream(new emptyMessage.Empty());
  if (expected === 'any') details.setExpectedAny(new emptyMessage.Empty());
  else if (expected === 'no-stream') details.setExpectedNoStream(new emptyMessage.Empty());
  else if (expected === 'stream-exists') details.setExpectedStreamExists(new emptyMessage.Empty());
  else details.setExpectedStreamPosition(String(expected));
  const typeName = 'event_store.client.WrongExpectedVersion';
  return batchError(Code.FAILED_PRECONDITION, 'WrongExpectedVersion', typeName, details.serializeBinary());
};

export const streamDeleted = (stream: string): Status => {
  const details = new shared.StreamDeleted().setStreamIdentifier(streamIdentifier(stream));
  return batchError(Code.NOT_FOUND, 'StreamDeleted', 'event_store.client.StreamDeleted', details.serializeBinary());
};

export const appendTooLarge = (maximumBytes: number): Status => {
  const details = new shared.MaximumAppendSizeExceeded().setMaxappendsize(maximumBytes);
  const typeName = 'event_store.client.MaximumAppendSizeExceeded';
  return batchError(Code.INVALID_ARGUMENT, 'Maximum Append Size Exceeded', typeName, details.serializeBinary());
};

/** Here, and here only, a server that is not ready sends no UNAVAILABLE: an error without code or details that a client knows. */
export const serverNotReady = (): Status =>
  batchError(Code.OK, 'Server Is Not Ready', 'google.protobuf.Empty', new emptyMessage.Empty().serializeBinary());
