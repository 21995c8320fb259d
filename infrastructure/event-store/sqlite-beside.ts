import { setImmediate as nextTurn } from 'node:timers/promises';
import { BesideFindings } from './beside.js';
import { blockColumnsOf } from './block-columns.js';
import { integerOf, isRow, textOf } from './rows.js';
import type { SqliteDatabase } from './sqlite-driver.js';

/** One question to the journal in one short transaction; `otherwise` when there is no journal. */
export type Ask = <T>(question: (database: SqliteDatabase) => T, otherwise: T) => T;

const PAGE_ROWS = 256;

/** Compares the columns, the look-up table and the kept head with the events. An append that comes meanwhile is no difference. */
export const checkBeside = async (stream: string, ask: Ask): Promise<readonly string[]> => {
  const findings = new BesideFindings(stream, blockColumnsOf);
  for (const row of ask(firstEvents, [])) findings.seeOther(row);
  const kept = ask((database) => keptHead(stream, database), null);
  if (kept === null) return findings.ended(null);
  const pageFrom = (revision: number): unknown[] => ask((database) => page(kept, revision, database), []);
  for (let rows = pageFrom(0); rows.length > 0 && !findings.isEnough; rows = pageFrom(findings.nextRevision)) {
    for (const row of rows) {
      findings.see(row);
      seeHidden(row, findings);
    }
    await nextTurn();
  }
  return findings.ended(kept);
};

interface KeptHead {
  readonly id: number;
  readonly revision: number;
  readonly hash: string;
  /** Of the events that are there at the same moment. */
  readonly lastRevision: number;
}

const keptHead = (stream: string, database: SqliteDatabase): KeptHead | null => {
  const row = database
    .prepare(
      `SELECT id, head_revision, head_hash,
              coalesce((SELECT max(revision) FROM events WHERE stream_id = streams.id), -1) AS last_revision
       FROM streams WHERE name = ?`,
    )
    .get(stream);
  if (!isRow(row)) return null;
  return {
    id: integerOf(row, 'id'),
    revision: integerOf(row, 'head_revision'),
    hash: textOf(row, 'head_hash'),
    lastRevision: integerOf(row, 'last_revision'),
  };
};

const page = ({ id, lastRevision }: KeptHead, from: number, database: SqliteDatabase): unknown[] =>
  database
    .prepare(
      `SELECT *, length(CAST(json AS BLOB)) AS json_bytes FROM events
       WHERE stream_id = ? AND revision BETWEEN ? AND ? ORDER BY revision LIMIT ?`,
    )
    .all(id, from, lastRevision, PAGE_ROWS);

/** SQLite gives a text up to its first NUL, and other bytes than UTF-8 as if they were some: what is stored is counted besides. */
const seeHidden = (row: unknown, findings: BesideFindings): void => {
  const [stored, read] = [integerOf(row, 'json_bytes'), Buffer.byteLength(textOf(row, 'json'), 'utf8')];
  if (stored === read) return;
  const at = `Event ${String(integerOf(row, 'revision'))}: column json`;
  findings.add(`${at} holds ${String(stored)} bytes, of which ${String(read)} can be read as text.`);
};

/** The first event of each stream that has one, with the name under which it stands. */
const firstEvents = (database: SqliteDatabase): unknown[] =>
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
    .all();
