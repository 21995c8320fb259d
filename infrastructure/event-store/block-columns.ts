import type { RecordedEvent } from '#application/journal/recorded-event';

/** What stands in columns beside a `BlockMerged`, for people and tools with SQL; all null beside any other event. */
export interface BlockColumns {
  readonly block: number | null;
  readonly total_blocks: number | null;
  readonly total_bytes: number | null;
  readonly next_block: number | null;
}

export const blockColumnsOf = (event: RecordedEvent): BlockColumns => {
  const data = event.type === 'BlockMerged' ? event.data : null;
  const totals = fieldOf(data, 'totals');
  return {
    block: integerIn(data, 'block'),
    total_blocks: integerIn(totals, 'blocks'),
    total_bytes: integerIn(totals, 'bytes'),
    next_block: integerIn(totals, 'nextBlock'),
  };
};

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

const integerIn = (value: unknown, name: string): number | null => {
  const field = fieldOf(value, name);
  return typeof field === 'number' && Number.isSafeInteger(field) ? field : null;
};
