import { EventStoreFault } from '#application/ports/event-store';

/** What a query gives, checked: a journal may have been edited by hand, and its rows are then no longer what the tables promise. */
type Row = Readonly<Record<string, unknown>>;

export const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null;

export const textOf = (row: unknown, column: string): string => {
  const value = isRow(row) ? row[column] : undefined;
  if (typeof value === 'string') return value;
  throw new EventStoreFault(`The journal is damaged: column ${column} holds ${typeof value}, expected text.`);
};

export const integerOf = (row: unknown, column: string): number => {
  const value = isRow(row) ? row[column] : undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new EventStoreFault(
    `The journal is damaged: column ${column} holds ${String(value)}, expected a whole number.`,
  );
};
