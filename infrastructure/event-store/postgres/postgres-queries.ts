import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM, type StreamHead } from '#application/ports/event-store';
import { printEvent } from '#application/journal/event-text';
import { integerOf, isRow, textOf } from '../rows.js';
import type { Ask } from './postgres-connection.js';

export interface StreamRow extends StreamHead {
  readonly id: number;
}

export interface EventRow {
  readonly revision: number;
  readonly text: string;
}

const NEW_STREAM = `
  INSERT INTO chainfold.streams (name, head_revision, head_hash)
  SELECT $1, $3::bigint, $4 WHERE $2::bigint = -1
  ON CONFLICT (name) DO NOTHING RETURNING id`;

/** One that waits here for another append sees that append's revision when it is let in, and then changes nothing. */
const MOVED_STREAM = `
  UPDATE chainfold.streams SET head_revision = $3::bigint, head_hash = $4
  WHERE name = $1 AND head_revision = $2::bigint RETURNING id`;

/** Texts in one value: printed events contain no line feed, and escaped as an array's elements they would be twice as long. */
const APPENDED = `
  INSERT INTO chainfold.events (stream_id, revision, id, type, json)
  SELECT moved.id, $2::bigint + added.place, added.id, added.type, added.json
  FROM moved, unnest($5::uuid[], $6::text[], string_to_array($7, E'\\n'))
    WITH ORDINALITY AS added (id, type, json, place)
  ORDER BY added.place
  RETURNING 1`;

const appending = (moved: string): string =>
  `WITH moved AS (${moved}), appended AS (${APPENDED}) SELECT count(*)::integer AS appended FROM appended`;

/**
 * Moves the head and adds the events in one statement, hence in one transaction and one round trip. False when the stream is at another
 * revision; nothing is changed then.
 */
export const addEvents = async (
  ask: Ask,
  stream: string,
  expectedRevision: number,
  events: readonly RecordedEvent[],
): Promise<boolean> => {
  const last = events.at(-1);
  if (last === undefined) return false;
  const [row] = await ask(appending(expectedRevision === NO_STREAM ? NEW_STREAM : MOVED_STREAM), [
    stream,
    expectedRevision,
    last.revision,
    last.hash,
    events.map(({ id }) => id),
    events.map(({ type }) => type),
    events.map(printEvent).join('\n'),
  ]);
  return integerOf(row, 'appended') === events.length;
};

const STREAM_COLUMNS = 'SELECT id, name, head_revision, head_hash FROM chainfold.streams';

export const streamRow = async (ask: Ask, name: string): Promise<StreamRow | null> => {
  const [row] = await ask(`${STREAM_COLUMNS} WHERE name = $1`, [name]);
  return row === undefined ? null : streamRowOf(row);
};

/** Streams at or after a name, and after another, by name. */
export const streamsFrom = async (ask: Ask, first: string, after: string, limit: number): Promise<StreamRow[]> => {
  const rows = await ask(`${STREAM_COLUMNS} WHERE name >= $1 AND name > $2 ORDER BY name LIMIT $3`, [
    first,
    after,
    limit,
  ]);
  return rows.map(streamRowOf);
};

/** What stands at these revisions, ascending; fewer where rows are missing. */
export const eventRows = async (ask: Ask, streamId: number, from: number, to: number): Promise<EventRow[]> => {
  const rows = await ask(
    `SELECT revision, json FROM chainfold.events
     WHERE stream_id = $1 AND revision BETWEEN $2 AND $3 ORDER BY revision`,
    [streamId, from, to],
  );
  return rows.map(eventRowOf);
};

/**
 * The last event of a type. By the index of types; blocks are not in it and are looked for backwards, in ranges that grow, because left to
 * itself a server without statistics may sort a million of them to find the last.
 */
export const lastOfType = async (
  ask: Ask,
  { id, revision: head }: StreamRow,
  type: string,
): Promise<EventRow | null> => {
  if (type !== 'BlockMerged') return lastWhere(ask, `type = $2 AND type <> 'BlockMerged'`, [id, type]);
  for (let to = head, rows = FIRST_RANGE; to >= 0; to -= rows, rows *= RANGE_GROWTH) {
    const range = [id, type, Math.max(0, to - rows + 1), to];
    const found = await lastWhere(ask, 'type = $2 AND revision BETWEEN $3 AND $4', range);
    if (found !== null) return found;
  }
  return null;
};

const FIRST_RANGE = 128;
const RANGE_GROWTH = 8;

const lastWhere = async (ask: Ask, condition: string, values: readonly unknown[]): Promise<EventRow | null> => {
  const [row] = await ask(
    `SELECT revision, json FROM chainfold.events
     WHERE stream_id = $1 AND ${condition} ORDER BY revision DESC LIMIT 1`,
    values,
  );
  return row === undefined ? null : eventRowOf(row);
};

export interface Standing {
  /** Of the stream's head. */
  readonly revision: number;
  /** Whether these very events stand at their places. */
  readonly areThere: boolean;
}

/** How a stream stands to an append, at one moment. */
export const standingOf = async (ask: Ask, stream: string, events: readonly RecordedEvent[]): Promise<Standing> => {
  const [row] = await ask(
    `SELECT head_revision, (
       SELECT count(*) FROM chainfold.events
       JOIN unnest($2::bigint[], $3::uuid[]) AS sought (revision, id)
         ON events.revision = sought.revision AND events.id = sought.id
       WHERE events.stream_id = streams.id
     ) AS found FROM chainfold.streams WHERE name = $1`,
    [stream, events.map(({ revision }) => revision), events.map(({ id }) => id)],
  );
  if (!isRow(row)) return { revision: NO_STREAM, areThere: false };
  const areThere = events.length > 0 && integerOf(row, 'found') === events.length;
  return { revision: integerOf(row, 'head_revision'), areThere };
};

const streamRowOf = (row: unknown): StreamRow => ({
  id: integerOf(row, 'id'),
  stream: textOf(row, 'name'),
  revision: integerOf(row, 'head_revision'),
  hash: textOf(row, 'head_hash'),
});

const eventRowOf = (row: unknown): EventRow => ({ revision: integerOf(row, 'revision'), text: textOf(row, 'json') });
