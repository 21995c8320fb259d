import type { RecordedEvent } from '#application/journal/recorded-event';
import type { StreamHead } from '#application/ports/event-store';
import { blockColumnsOf } from './block-columns.js';
import { printEvent } from '#application/journal/event-text';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver.js';
import { integerOf, isRow, textOf } from './rows.js';

export interface StreamRow extends StreamHead {
  readonly id: number;
}

/** The statements of the store, prepared once per connection. Each runs to its end, so none keeps a transaction open. */
export class JournalQueries {
  readonly #stream: SqliteStatement;
  readonly #streamsFrom: SqliteStatement;
  readonly #texts: SqliteStatement;
  readonly #ids: SqliteStatement;
  readonly #lastBlock: SqliteStatement;
  readonly #lastOfType: SqliteStatement;
  readonly #addStream: SqliteStatement;
  readonly #addEvent: SqliteStatement;
  readonly #moveHead: SqliteStatement;

  constructor(database: SqliteDatabase) {
    const streamColumns = 'SELECT id, name, head_revision, head_hash FROM streams';
    this.#stream = database.prepare(`${streamColumns} WHERE name = ?`);
    this.#streamsFrom = database.prepare(`${streamColumns} WHERE name >= ? AND name > ? ORDER BY name LIMIT ?`);
    const range = 'FROM events WHERE stream_id = ? AND revision BETWEEN ? AND ? ORDER BY revision';
    // One value per page instead of one per event saves a tenth of a replay. Printed events contain no line feed.
    this.#texts = database.prepare(`SELECT group_concat(json, char(10)) AS lines FROM (SELECT json ${range})`);
    this.#ids = database.prepare(`SELECT id ${range}`);
    const last = 'ORDER BY revision DESC LIMIT 1';
    this.#lastBlock = database.prepare(
      `SELECT revision, json FROM events WHERE stream_id = ? AND type = 'BlockMerged' ${last}`,
    );
    this.#lastOfType = database.prepare(
      `SELECT revision, json FROM events INDEXED BY events_by_type
       WHERE stream_id = ? AND type = ? AND type <> 'BlockMerged' ${last}`,
    );
    this.#addStream = database.prepare('INSERT INTO streams (name, head_revision, head_hash) VALUES (?, -1, ?)');
    this.#addEvent = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#moveHead = database.prepare('UPDATE streams SET head_revision = ?, head_hash = ? WHERE id = ?');
  }

  stream(name: string): StreamRow | null {
    const row = this.#stream.get(name);
    return isRow(row) ? streamRowOf(row) : null;
  }

  /** Streams at or after a name, and after another, by name. */
  streamsFrom(first: string, after: string, limit: number): readonly StreamRow[] {
    return this.#streamsFrom.all(first, after, limit).map(streamRowOf);
  }

  /** The texts of these revisions, ascending; fewer where rows are missing. */
  texts(streamId: number, from: number, to: number): readonly string[] {
    const row = this.#texts.get(streamId, from, to);
    return isRow(row) && row.lines === null ? [] : textOf(row, 'lines').split('\n');
  }

  ids(streamId: number, from: number, to: number): readonly string[] {
    return this.#ids.all(streamId, from, to).map((row) => textOf(row, 'id'));
  }

  lastOfType(streamId: number, type: string): { readonly revision: number; readonly text: string } | null {
    const row = type === 'BlockMerged' ? this.#lastBlock.get(streamId) : this.#lastOfType.get(streamId, type);
    return isRow(row) ? { revision: integerOf(row, 'revision'), text: textOf(row, 'json') } : null;
  }

  /** Inside a transaction. The head goes with the events, or a cut tail could not be seen. */
  add(name: string, stream: StreamRow | null, events: readonly RecordedEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    if (stream === null) this.#addStream.run(name, last.hash);
    const id = stream?.id ?? this.stream(name)?.id;
    if (id === undefined) throw new Error(`Bug: stream ${name} was added and is not there.`);
    for (const event of events) {
      const { block, total_blocks, total_bytes, next_block } = blockColumnsOf(event);
      const text = printEvent(event);
      this.#addEvent.run(id, event.revision, event.id, event.type, text, block, total_blocks, total_bytes, next_block);
    }
    this.#moveHead.run(last.revision, last.hash, id);
  }
}

const streamRowOf = (row: unknown): StreamRow => ({
  id: integerOf(row, 'id'),
  stream: textOf(row, 'name'),
  revision: integerOf(row, 'head_revision'),
  hash: textOf(row, 'head_hash'),
});
