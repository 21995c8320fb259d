import type { JSONEventData } from '@kurrent/kurrentdb-client';
import { UnreadableEvent } from '#application/ports/event-codec';
import { NodeIdentifiers } from '../../platform/node-identifiers.js';
import type { Connection } from './connection.js';
import type { StoredEvent } from './envelope.js';
import type { StreamPages } from './pages.js';

/** Holds the name of every stream of this journal, in the order in which they were begun. */
export const INDEX_STREAM = 'chainfold-streams';

const STREAM_OPENED = 'StreamOpened';

/**
 * Which streams there are. The server could say so itself through `$all`, which only administrators may read, or through the
 * `$streams` projection, which is off by default: so we keep a list of our own. A name is in it before its stream has an event,
 * so a stream never lacks its name; a name may lack its stream.
 */
export class StreamIndex {
  readonly #connection: Connection;
  readonly #pages: StreamPages;
  readonly #added = new Set<string>();

  constructor(connection: Connection, pages: StreamPages) {
    this.#connection = connection;
    this.#pages = pages;
  }

  /**
   * At any revision, the only such append there is: names are a set, their order and their number mean nothing, so writers need
   * not wait for each other. The id is made from the name, so the server drops most repetitions; those it keeps do no harm.
   */
  async add(stream: string): Promise<void> {
    if (this.#added.has(stream)) return;
    const options = { streamState: 'any', requiresLeader: true } as const;
    await this.#connection.ask(`note the new stream ${stream}`, async (link) =>
      link.inTurn(async () => link.client.appendToStream(INDEX_STREAM, streamOpened(stream), options)),
    );
    this.#added.add(stream);
  }

  /** The names that begin with the prefix, in the order of their UTF-8 bytes. One pass over the index. */
  async names(prefix: string): Promise<readonly string[]> {
    const names = new Set<string>();
    for await (const event of this.#pages.forwards(INDEX_STREAM, 0)) {
      const name = nameIn(event);
      if (name.startsWith(prefix)) names.add(name);
    }
    return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
}

const streamOpened = (stream: string): JSONEventData => ({
  id: new NodeIdentifiers().nameBased(`${INDEX_STREAM}\n${stream}`),
  contentType: 'application/json',
  type: STREAM_OPENED,
  data: { stream },
  metadata: undefined,
});

/** An entry that cannot be read may be the name of an unfinished job, so it is not passed over. */
const nameIn = ({ revision, type, data }: StoredEvent): string => {
  if (type === STREAM_OPENED && typeof data === 'object' && data !== null && 'stream' in data) {
    const { stream } = data;
    if (typeof stream === 'string') return stream;
  }
  throw new UnreadableEvent(INDEX_STREAM, Number(revision), `expected ${STREAM_OPENED} with a name, found ${type}`);
};
