import { typeOf } from './append-requests.js';
import type { LoggedEvent } from './event-log.js';
import { streamName, type UuidForm } from './identifiers.js';
import { streams } from './messages.js';

type Options = InstanceType<typeof streams.ReadReq.Options>;

/** Where a read or a subscription begins: at a place (a revision, or a position of $all), or at an end. */
export type StartingPoint = number | 'start' | 'end';

export interface ReadRequest {
  /** Null: all streams, in the order of their appends. */
  readonly stream: string | null;
  readonly from: StartingPoint;
  readonly backwards: boolean;
  readonly uuidForm: UuidForm;
  /** Null: a subscription. */
  readonly count: number | null;
  readonly wanted: (event: LoggedEvent) => boolean;
}

export const readRequest = (options: Options): ReadRequest => {
  const stream = options.getStream();
  return {
    stream: stream === undefined ? null : streamName(stream.getStreamIdentifier()),
    from: stream === undefined ? allStart(options) : streamStart(stream),
    backwards: options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS,
    uuidForm: options.getUuidOption()?.hasStructured() === true ? 'halves' : 'text',
    count: options.hasSubscription() ? null : Number(options.getCount()),
    wanted: filterOf(options),
  };
};

const streamStart = (stream: InstanceType<typeof streams.ReadReq.Options.StreamOptions>): StartingPoint => {
  if (stream.hasRevision()) return Number(stream.getRevision());
  return stream.hasEnd() ? 'end' : 'start';
};

const allStart = (options: Options): StartingPoint => {
  const all = options.getAll();
  const position = all?.getPosition();
  if (position !== undefined) return Number(position.getCommitPosition());
  return all?.hasEnd() === true ? 'end' : 'start';
};

/** By the name of the stream or by the type, by prefixes or by a regular expression; of the filter's window nothing is modelled. */
const filterOf = (options: Options): ReadRequest['wanted'] => {
  const filter = options.getFilter();
  const byStream = filter?.getStreamIdentifier();
  const expression = byStream ?? filter?.getEventType();
  if (expression === undefined) return () => true;
  const prefixes = expression.getPrefixList();
  const regex = new RegExp(expression.getRegex());
  const matches = (text: string): boolean =>
    prefixes.length > 0 ? prefixes.some((prefix) => text.startsWith(prefix)) : regex.test(text);
  return (event) => matches(byStream === undefined ? typeOf(event) : event.stream);
};
