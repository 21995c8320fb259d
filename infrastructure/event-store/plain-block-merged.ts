import type { BlockMerged } from '#domain/merge-job/events';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * The usual `BlockMerged` in its current version, at a quarter of the schema's cost: all that the schema asks, with runs (a bitmap
 * and zeros by state are rare and left to the schema). False means only "ask the schema". A property says: what this accepts, the
 * schema reads as the same event. An event of an older version is brought up first: its data may look like today's and mean other things.
 */
export const isPlainBlockMerged = (data: unknown): data is Omit<BlockMerged, 'type'> =>
  isObject(data) &&
  isCount(data.block) &&
  hasOnlyRuns(data.sectors) &&
  !('zeros' in data) &&
  isCount(data.bytes) &&
  isCount(data.fileOffsetBytes) &&
  typeof data.digest === 'string' &&
  DIGEST.test(data.digest) &&
  Array.isArray(data.from) &&
  data.from.every(isCount) &&
  isCount(data.epoch) &&
  typeof data.repair === 'boolean' &&
  isTotals(data.totals);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const hasOnlyRuns = (value: unknown): boolean =>
  isObject(value) &&
  Object.keys(value).length === 1 &&
  Array.isArray(value.runs) &&
  value.runs.length <= 64 &&
  value.runs.every(isRun);

const isRun = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && isCount(value[0]) && isCount(value[1]) && value[1] > 0;

const isTotals = (value: unknown): boolean =>
  isObject(value) &&
  Object.keys(value).length === 3 &&
  isCount(value.blocks) &&
  isCount(value.bytes) &&
  isCount(value.nextBlock);
