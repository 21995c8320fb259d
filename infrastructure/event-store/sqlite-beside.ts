import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import { blockColumnsOf } from './block-columns.js';
import { parseEvent, printEvent } from './event-text.js';
import type { SqliteDatabase } from './sqlite-driver.js';
import { integerOf, isRow, textOf } from './sqlite-rows.js';

/** One question to the journal in one short transaction; `otherwise` when there is no journal. */
export type Ask = <T>(question: (database: SqliteDatabase) => T, otherwise: T) => T;

/** After so many findings a person has seen enough. */
const MOST_FINDINGS = 100;
const PAGE_ROWS = 256;

/**
 * What the columns, the look-up table and the kept head say, against the events' own texts: one sentence per difference.
 * The chain of hashes inside the texts is another matter (`brokenLink`). Together they see every change but one made to all of
 * it alike, which only a signed head reveals.
 */
export const checkBeside = async (stream: string, ask: Ask): Promise<readonly string[]> => {
  const findings = ask((database) => misplaced(stream, database), []);
  const kept = ask((database) => keptHead(stream, database), null);
  if (kept === null) return findings;
  let last: RecordedEvent | null = null;
  let next = 0;
  for (;;) {
    const rows = ask((database) => page(kept.id, next, database), []);
    if (rows.length === 0) break;
    for (const row of rows) {
      const at = integerOf(row, 'revision');
      if (at !== next)
        findings.push(`Event ${String(next)} is missing: the one after it in the journal is ${String(at)}.`);
      const event = eventOf(row, stream, at, findings);
      if (event !== null) findings.push(...differences(row, event));
      last = event;
      next = at + 1;
      if (findings.length >= MOST_FINDINGS) return [...findings, 'There is more; the check ended here.'];
    }
    await nextTurn();
  }
  return [...findings, ...headDifferences(kept, last, next - 1)];
};

interface KeptHead {
  readonly id: number;
  readonly revision: number;
  readonly hash: string;
}

const keptHead = (stream: string, database: SqliteDatabase): KeptHead | null => {
  const row = database.prepare('SELECT id, head_revision, head_hash FROM streams WHERE name = ?').get(stream);
  if (!isRow(row)) return null;
  return { id: integerOf(row, 'id'), revision: integerOf(row, 'head_revision'), hash: textOf(row, 'head_hash') };
};

const page = (streamId: number, from: number, database: SqliteDatabase): unknown[] =>
  database
    .prepare('SELECT * FROM events WHERE stream_id = ? AND revision >= ? ORDER BY revision LIMIT ?')
    .all(streamId, from, PAGE_ROWS);

const eventOf = (row: unknown, stream: string, revision: number, findings: string[]): RecordedEvent | null => {
  try {
    return parseEvent(textOf(row, 'json'), stream, revision);
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error;
    findings.push(error.message);
    return null;
  }
};

const differences = (row: unknown, event: RecordedEvent): string[] => {
  const found: Readonly<Record<string, unknown>> = isRow(row) ? row : {};
  const expected = { id: event.id, type: event.type, json: printEvent(event), ...blockColumnsOf(event) };
  return Object.entries(expected)
    .filter(([column, value]) => found[column] !== value)
    .map(([column, value]) => {
      const at = `Event ${String(event.revision)}: column ${column}`;
      if (column === 'json') return `${at} is not the event as it is printed, though it says the same.`;
      return `${at} holds ${String(found[column])}, the event says ${String(value)}.`;
    });
};

const headDifferences = (kept: KeptHead, last: RecordedEvent | null, lastRevision: number): string[] => {
  if (kept.revision !== lastRevision) {
    return [
      `The stream's head is kept as revision ${String(kept.revision)}, but the last event is ${String(lastRevision)}.`,
    ];
  }
  if (last === null || kept.hash === last.hash) return [];
  return [`The stream's head is kept with hash ${kept.hash}, but the last event has ${last.hash}.`];
};

/** Events that say they belong to this stream and stand under another name or under none: the look-up table was changed. */
const misplaced = (stream: string, database: SqliteDatabase): string[] =>
  database
    .prepare(
      `WITH RECURSIVE ids (id) AS (
         SELECT min(stream_id) FROM events
         UNION ALL
         SELECT (SELECT min(stream_id) FROM events WHERE stream_id > ids.id) FROM ids WHERE ids.id IS NOT NULL
       )
       SELECT streams.name AS name, (
         SELECT json FROM events WHERE stream_id = ids.id ORDER BY revision LIMIT 1
       ) AS json FROM ids LEFT JOIN streams ON streams.id = ids.id WHERE ids.id IS NOT NULL`,
    )
    .all()
    .filter((row) => isRow(row) && row.name !== stream && streamIn(textOf(row, 'json')) === stream)
    .map((row) => {
      const name = isRow(row) && typeof row.name === 'string' ? `under the name ${row.name}` : 'under no name';
      return `Events of this stream stand in the journal ${name}.`;
    });

/** The stream that a text names, whatever else is wrong with it; undefined when it names none. */
const streamIn = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    return isRow(value) ? value.stream : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};
