import { parseEvent, printEvent } from '#application/journal/event-text';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import { integerOf, isRow, textOf } from './rows.js';

/**
 * What a store with SQL keeps beside the events' own texts (columns, the look-up table of streams, heads), compared with them: one
 * sentence per difference. The chain of hashes inside the texts is another matter (`brokenLink`). Together they see every change but
 * one made to all of it alike, which only a signed or a kept head reveals.
 */
export class BesideFindings {
  /** After so many findings a person has seen enough. */
  static readonly MOST = 100;
  private readonly sentences: string[] = [];
  private last: RecordedEvent | null = null;
  private next = 0;

  constructor(
    private readonly stream: string,
    /** What the columns beside an event should hold, besides its id, type and text. */
    private readonly columnsOf: (event: RecordedEvent) => object,
  ) {}

  get isEnough(): boolean {
    return this.sentences.length >= BesideFindings.MOST;
  }

  /** The revision from which on nothing was looked at yet. */
  get nextRevision(): number {
    return this.next;
  }

  add(sentence: string): void {
    this.sentences.push(sentence);
  }

  /** The next row of the stream, with the columns `revision`, `id`, `type` and `json` at least. */
  see(row: unknown): void {
    const at = integerOf(row, 'revision');
    if (at !== this.next)
      this.add(`Event ${String(this.next)} is missing: the one after it in the journal is ${String(at)}.`);
    this.last = this.eventOf(row, at);
    if (this.last !== null) this.compare(row, this.last);
    this.next = at + 1;
  }

  /** A stream that stands in the journal under another name or none, and the text of its first event. */
  seeOther(row: unknown): void {
    if (!isRow(row) || row.name === this.stream || streamIn(textOf(row, 'json')) !== this.stream) return;
    const name = typeof row.name === 'string' ? `under the name ${row.name}` : 'under no name';
    this.add(`Events of this stream stand in the journal ${name}.`);
  }

  /** After all rows up to the last event that was there when the head was read; null for a stream without a head. */
  ended(
    kept: { readonly revision: number; readonly hash: string; readonly lastRevision: number } | null,
  ): readonly string[] {
    if (this.isEnough) return [...this.sentences.slice(0, BesideFindings.MOST), 'There is more; the check ended here.'];
    if (kept === null) return this.sentences;
    if (kept.revision !== kept.lastRevision)
      this.add(
        `The stream's head is kept as revision ${String(kept.revision)}, but the last event is ${String(kept.lastRevision)}.`,
      );
    else if (this.last !== null && this.last.hash !== kept.hash)
      this.add(`The stream's head is kept with hash ${kept.hash}, but the last event has ${this.last.hash}.`);
    return this.sentences;
  }

  private eventOf(row: unknown, revision: number): RecordedEvent | null {
    try {
      return parseEvent(textOf(row, 'json'), this.stream, revision);
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      this.add(error.message);
      return null;
    }
  }

  private compare(row: unknown, event: RecordedEvent): void {
    const found: Readonly<Record<string, unknown>> = isRow(row) ? row : {};
    const expected: Readonly<Record<string, unknown>> = {
      id: event.id,
      type: event.type,
      json: printEvent(event),
      ...this.columnsOf(event),
    };
    for (const [column, value] of Object.entries(expected)) {
      if (found[column] === value) continue;
      const at = `Event ${String(event.revision)}: column ${column}`;
      this.add(
        column === 'json'
          ? `${at} is not the event as it is printed, though it says the same.`
          : `${at} holds ${String(found[column])}, the event says ${String(value)}.`,
      );
    }
  }
}

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
