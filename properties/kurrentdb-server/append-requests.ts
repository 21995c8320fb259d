import type { ExpectedRevision } from './append-decision.js';
import type { ProposedEvent } from './event-log.js';
import { streamName, uuidText } from './identifiers.js';
import { streams } from './messages.js';

export interface AppendTarget {
  readonly stream: string;
  readonly expected: ExpectedRevision;
}

export const unaryTarget = (options: InstanceType<typeof streams.AppendReq.Options>): AppendTarget => {
  const { ExpectedStreamRevisionCase: Case } = streams.AppendReq.Options;
  const kind = options.getExpectedStreamRevisionCase();
  return {
    stream: streamName(options.getStreamIdentifier()),
    expected: kind === Case.REVISION ? Number(options.getRevision()) : looseRevision(kind, Case),
  };
};

export const batchTarget = (options: InstanceType<typeof streams.BatchAppendReq.Options>): AppendTarget => {
  const { ExpectedStreamPositionCase: Case } = streams.BatchAppendReq.Options;
  const kind = options.getExpectedStreamPositionCase();
  return {
    stream: streamName(options.getStreamIdentifier()),
    expected: kind === Case.STREAM_POSITION ? Number(options.getStreamPosition()) : looseRevision(kind, Case),
  };
};

interface LooseRevisions {
  readonly NO_STREAM: number;
  readonly STREAM_EXISTS: number;
}

const looseRevision = (kind: number, { NO_STREAM, STREAM_EXISTS }: LooseRevisions): ExpectedRevision => {
  if (kind === NO_STREAM) return 'no-stream';
  return kind === STREAM_EXISTS ? 'stream-exists' : 'any';
};

type ProposedMessage = InstanceType<
  typeof streams.AppendReq.ProposedMessage | typeof streams.BatchAppendReq.ProposedMessage
>;

export const proposedEvent = (message: ProposedMessage): ProposedEvent => ({
  id: uuidText(message.getId()),
  properties: message.getMetadataMap().getEntryList(),
  customMetadata: message.getCustomMetadata_asU8(),
  data: message.getData_asU8(),
});

/** What the server counts against its limit: data, metadata and the type in UTF-16. */
export const sizeBytes = (events: readonly ProposedEvent[]): number =>
  events.reduce((sum, event) => sum + event.data.length + event.customMetadata.length + 2 * typeOf(event).length, 0);

export const typeOf = (event: ProposedEvent): string => event.properties.find(([key]) => key === 'type')?.[1] ?? '';
