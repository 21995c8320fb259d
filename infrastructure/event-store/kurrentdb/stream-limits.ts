import type { StreamMetadata } from '@kurrent/kurrentdb-client';
import { isAccessDenied } from './client-errors.js';
import type { Connection } from './connection.js';

/**
 * Settings of the stream that take events away, in words. Whether they have done so yet does not matter: at the next append, or
 * with time, they will.
 */
export const limitsOf = async (connection: Connection, stream: string): Promise<readonly string[]> => {
  const metadata = await connection.ask(`read the settings of ${stream}`, async ({ client }) => {
    try {
      return (await client.getStreamMetadata(stream)).metadata ?? {};
    } catch (error) {
      // Who may read the events need not have the right to read the settings. That is no flaw of the journal.
      if (isAccessDenied(error)) return {};
      throw error;
    }
  });
  return limitsIn(metadata);
};

export const limitsIn = ({ maxCount, maxAge, truncateBefore }: StreamMetadata): readonly string[] => [
  ...(maxCount === undefined
    ? []
    : [`the stream keeps only its last ${String(maxCount)} events ($maxCount). ${REMEDY}`]),
  ...(maxAge === undefined ? [] : [`the stream keeps its events for ${String(maxAge)} s only ($maxAge). ${REMEDY}`]),
  ...(truncateBefore === undefined || truncateBefore === 0
    ? []
    : [`the stream was cut off before revision ${String(truncateBefore)} ($tb). ${REMEDY}`]),
];

const REMEDY = 'Take this setting back on the server; a journal must keep all of its events.';
