import { BesideFindings } from '../beside.js';
import { integerOf, isRow, textOf } from '../rows.js';
import type { Ask } from './postgres-connection.js';

/** One question to the journal; `otherwise` when there is no journal. */
export type AskJournal = <T>(otherwise: T, question: (ask: Ask) => Promise<T>) => Promise<T>;

const PAGE_ROWS = 256;

/** Compares the columns, the look-up table and the kept head with the events. An append that comes meanwhile is no difference. */
export const checkBeside = async (stream: string, askJournal: AskJournal): Promise<readonly string[]> => {
  const findings = new BesideFindings(stream, () => ({}));
  for (const row of await askJournal([], (ask) => firstEvents(ask, stream))) findings.seeOther(row);
  const kept = await askJournal(null, (ask) => keptHead(ask, stream));
  if (kept === null) return findings.ended(null);
  const pageFrom = (revision: number): Promise<readonly unknown[]> =>
    askJournal([], (ask) => page(ask, kept, revision));
  let position = 0;
  for (
    let rows = await pageFrom(0);
    rows.length > 0 && !findings.isEnough;
    rows = await pageFrom(findings.nextRevision)
  ) {
    for (const row of rows) {
      findings.see(row);
      const [at, revision] = [integerOf(row, 'position'), integerOf(row, 'revision')];
      if (at <= position)
        findings.add(`Event ${String(revision)} stands before the one before it in the order of all events.`);
      position = at;
    }
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

const keptHead = async (ask: Ask, stream: string): Promise<KeptHead | null> => {
  const [row] = await ask(
    `SELECT id, head_revision, head_hash,
            coalesce((SELECT max(revision) FROM chainfold.events WHERE stream_id = streams.id), -1) AS last_revision
     FROM chainfold.streams WHERE name = $1`,
    [stream],
  );
  if (!isRow(row)) return null;
  return {
    id: integerOf(row, 'id'),
    revision: integerOf(row, 'head_revision'),
    hash: textOf(row, 'head_hash'),
    lastRevision: integerOf(row, 'last_revision'),
  };
};

const page = (ask: Ask, { id, lastRevision }: KeptHead, from: number): Promise<readonly unknown[]> =>
  ask(
    `SELECT revision, id, type, json, position FROM chainfold.events
     WHERE stream_id = $1 AND revision BETWEEN $2 AND $3 ORDER BY revision LIMIT $4`,
    [id, from, lastRevision, PAGE_ROWS],
  );

/** The first event of each other stream whose text names this one, with the name under which it stands. */
const firstEvents = (ask: Ask, stream: string): Promise<readonly unknown[]> =>
  ask(
    `WITH RECURSIVE ids (id) AS (
       (SELECT min(stream_id) FROM chainfold.events)
       UNION ALL
       SELECT (SELECT min(stream_id) FROM chainfold.events WHERE stream_id > ids.id) FROM ids WHERE ids.id IS NOT NULL
     ), firsts (name, json) AS (
       SELECT streams.name, (SELECT json FROM chainfold.events WHERE stream_id = ids.id ORDER BY revision LIMIT 1)
       FROM ids LEFT JOIN chainfold.streams ON streams.id = ids.id WHERE ids.id IS NOT NULL
     )
     SELECT name, json FROM firsts WHERE name IS DISTINCT FROM $1 AND strpos(json, $2) > 0`,
    [stream, JSON.stringify(stream)],
  );
