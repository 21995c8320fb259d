import type { handleClientStreamingCall } from '@grpc/grpc-js';
import type { ExpectedRevision } from './append-decision.js';
import { proposedEvent, sizeBytes, unaryTarget, type AppendTarget } from './append-requests.js';
import { appendUnderFaults } from './append-under-faults.js';
import type { CallContext } from './call-context.js';
import type { ProposedEvent } from './event-log.js';
import { shared, streams } from './messages.js';
import { appendTooLarge, refusalOf, streamDeleted } from './rpc-errors.js';

type AppendReq = InstanceType<typeof streams.AppendReq>;
type AppendResp = InstanceType<typeof streams.AppendResp>;
type Answer = Parameters<Parameters<handleClientStreamingCall<AppendReq, AppendResp>>[1]>;

/** Append: one call an append; first a message with the target, then one for each event. */
export const appendCall =
  (context: CallContext): handleClientStreamingCall<AppendReq, AppendResp> =>
  (call, callback) => {
    let target: AppendTarget | null = null;
    const events: ProposedEvent[] = [];
    call.on('data', (request: AppendReq) => {
      const options = request.getOptions();
      const message = request.getProposedMessage();
      if (options !== undefined) target = unaryTarget(options);
      if (message !== undefined) events.push(proposedEvent(message));
    });
    call.on('end', () => {
      if (target === null) throw new Error('expected the target of the append in its first message, found none');
      void answer(context, target, events, call.getPeer()).then((response) => {
        if (response !== null) callback(...response);
      });
    });
  };

/** Null when the connection broke instead. */
const answer = async (
  context: CallContext,
  target: AppendTarget,
  events: readonly ProposedEvent[],
  peer: string,
): Promise<Answer | null> => {
  const { faults, maxAppendBytes } = context;
  await faults.unstalled();
  const refusal = refusalOf(faults);
  if (refusal !== null) return [refusal];
  if (sizeBytes(events) > maxAppendBytes) return [appendTooLarge(maxAppendBytes)];
  const outcome = appendUnderFaults(context, target, events, peer);
  switch (outcome?.kind) {
    case undefined:
      return null;
    case 'stream-deleted':
      return [streamDeleted(target.stream)];
    case 'wrong-expected-version':
      return [null, wrongExpectedVersion(target.expected, outcome.current)];
    case 'appended':
      return [null, success(outcome.revision, outcome.position)];
  }
};

const success = (revision: number, positionBytes: number): AppendResp => {
  const message = new streams.AppendResp.Success();
  if (revision >= 0) message.setCurrentRevision(String(revision));
  else message.setNoStream(new shared.Empty());
  const position = new streams.AppendResp.Position();
  position.setCommitPosition(String(positionBytes)).setPreparePosition(String(positionBytes));
  return new streams.AppendResp().setSuccess(message.setPosition(position));
};

const wrongExpectedVersion = (expected: ExpectedRevision, current: number): AppendResp => {
  const message = new streams.AppendResp.WrongExpectedVersion();
  if (current >= 0) message.setCurrentRevision(String(current));
  else message.setCurrentNoStream(new shared.Empty());
  if (expected === 'any') message.setExpectedAny(new shared.Empty());
  else if (expected === 'no-stream') message.setExpectedNoStream(new shared.Empty());
  else if (expected === 'stream-exists') message.setExpectedStreamExists(new shared.Empty());
  else message.setExpectedRevision(String(expected));
  return new streams.AppendResp().setWrongExpectedVersion(message);
};
