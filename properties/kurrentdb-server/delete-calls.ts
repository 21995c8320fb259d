import type { handleUnaryCall } from '@grpc/grpc-js';
import type { ExpectedRevision } from './append-decision.js';
import type { CallContext } from './call-context.js';
import type { AppendOutcome } from './event-log.js';
import { streamName } from './identifiers.js';
import { streams } from './messages.js';
import { refusalOf, streamDeleted, wrongVersionForDeletion } from './rpc-errors.js';

type Message<Name extends 'DeleteReq' | 'DeleteResp' | 'TombstoneReq' | 'TombstoneResp'> = InstanceType<
  (typeof streams)[Name]
>;
type Options = InstanceType<typeof streams.DeleteReq.Options | typeof streams.TombstoneReq.Options>;

/** Delete: hides what is there; the stream can be written again and goes on with the next revision. */
export const deleteCall =
  (context: CallContext): handleUnaryCall<Message<'DeleteReq'>, Message<'DeleteResp'>> =>
  (call, callback) =>
    void remove(context, call.request.getOptions(), (stream, expected) =>
      context.log.softDelete(stream, expected),
    ).then((position) => {
      const message = new streams.DeleteResp.Position().setCommitPosition(position).setPreparePosition(position);
      callback(null, new streams.DeleteResp().setPosition(message));
    }, callback);

/** Tombstone: nobody reads or writes this stream again. */
export const tombstoneCall =
  (context: CallContext): handleUnaryCall<Message<'TombstoneReq'>, Message<'TombstoneResp'>> =>
  (call, callback) =>
    void remove(context, call.request.getOptions(), (stream, expected) => context.log.tombstone(stream, expected)).then(
      (position) => {
        const message = new streams.TombstoneResp.Position().setCommitPosition(position).setPreparePosition(position);
        callback(null, new streams.TombstoneResp().setPosition(message));
      },
      callback,
    );

/** The position of the deletion; throws the server's refusal. */
const remove = async (
  { faults }: CallContext,
  options: Options | undefined,
  change: (stream: string, expected: ExpectedRevision) => AppendOutcome,
): Promise<string> => {
  await faults.unstalled();
  const refusal = refusalOf(faults);
  if (refusal !== null) throw refusal;
  if (options === undefined) throw new Error('expected the options of the deletion in its message, found none');
  const stream = streamName(options.getStreamIdentifier());
  const expected = expectedOf(options);
  const outcome = change(stream, expected);
  switch (outcome.kind) {
    case 'stream-deleted':
      throw streamDeleted(stream);
    case 'wrong-expected-version':
      throw wrongVersionForDeletion(stream, expected, outcome.current);
    case 'appended':
      return String(outcome.position);
  }
};

const expectedOf = (options: Options): ExpectedRevision => {
  if (options.hasRevision()) return Number(options.getRevision());
  return options.hasNoStream() ? 'no-stream' : 'any';
};
