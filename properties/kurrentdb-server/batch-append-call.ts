import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { batchTarget, proposedEvent, sizeBytes, type AppendTarget } from './append-requests.js';
import { appendTooLarge, serverNotReady, streamDeleted, wrongExpectedVersion } from './batch-errors.js';
import { appendUnderFaults } from './append-under-faults.js';
import type { CallContext } from './call-context.js';
import type { ProposedEvent } from './event-log.js';
import { streamIdentifier, uuidText } from './identifiers.js';
import { emptyMessage, shared, streams } from './messages.js';
import { refusalOf } from './rpc-errors.js';

type Request = InstanceType<typeof streams.BatchAppendReq>;
type Response = InstanceType<typeof streams.BatchAppendResp>;
type BatchCall = ServerDuplexStream<Request, Response>;

interface PendingAppend {
  readonly correlationId: ReturnType<Request['getCorrelationId']>;
  readonly target: AppendTarget;
  readonly events: ProposedEvent[];
}

/** BatchAppend: one call for the whole life of a client, appends in it told apart by their correlation ids. */
export const batchAppendCall =
  (context: CallContext): handleBidiStreamingCall<Request, Response> =>
  (call) => {
    const pending = new Map<string, PendingAppend>();
    let lastAnswer = Promise.resolve();
    call.on('data', (request: Request) => {
      const complete = collect(pending, request);
      if (complete !== null) lastAnswer = answer(context, complete, call);
    });
    call.on('end', () => void lastAnswer.then(() => call.end()));
  };

/** The append that this message completes; null when more of it is to come. */
const collect = (pending: Map<string, PendingAppend>, request: Request): PendingAppend | null => {
  const id = uuidText(request.getCorrelationId());
  const options = request.getOptions();
  if (options !== undefined)
    pending.set(id, { correlationId: request.getCorrelationId(), target: batchTarget(options), events: [] });
  const append = pending.get(id);
  if (append === undefined) throw new Error(`expected the target of append ${id} in its first message, found none`);
  append.events.push(...request.getProposedMessagesList().map(proposedEvent));
  if (!request.getIsFinal()) return null;
  pending.delete(id);
  return append;
};

const answer = async (context: CallContext, append: PendingAppend, call: BatchCall): Promise<void> => {
  await context.faults.unstalled();
  // Who is not the leader fails the whole call, unlike everything else that can be wrong with one append.
  const refusal = context.faults.ready ? refusalOf(context.faults) : null;
  if (refusal !== null) {
    call.emit('error', refusal);
    return;
  }
  const response = responseTo(context, append, call.getPeer());
  if (response === null || call.cancelled) return;
  response.setCorrelationId(append.correlationId).setStreamIdentifier(streamIdentifier(append.target.stream));
  call.write(response);
};

/** Null when the connection broke instead. */
const responseTo = (context: CallContext, { target, events }: PendingAppend, peer: string): Response | null => {
  const response = new streams.BatchAppendResp();
  if (!context.faults.ready) return response.setError(serverNotReady());
  if (sizeBytes(events) > context.maxAppendBytes) return response.setError(appendTooLarge(context.maxAppendBytes));
  const outcome = appendUnderFaults(context, target, events, peer);
  switch (outcome?.kind) {
    case undefined:
      return null;
    case 'stream-deleted':
      return response.setError(streamDeleted(target.stream));
    case 'wrong-expected-version':
      return response.setError(wrongExpectedVersion(target.expected, outcome.current));
    case 'appended':
      return response.setSuccess(success(outcome.revision, outcome.position));
  }
};

const success = (revision: number, positionBytes: number): InstanceType<typeof streams.BatchAppendResp.Success> => {
  const message = new streams.BatchAppendResp.Success();
  if (revision >= 0) message.setCurrentRevision(String(revision));
  else message.setNoStream(new emptyMessage.Empty());
  const position = new shared.AllStreamPosition();
  position.setCommitPosition(String(positionBytes)).setPreparePosition(String(positionBytes));
  return message.setPosition(position);
};
