import type { MergeOptions } from '#domain/merge-job/events';
import { MIB } from '#domain/quantities';

/** What a merge does when nothing else is asked for. */
export const DEFAULT_MERGE_OPTIONS: MergeOptions = {
  verify: 'blocks',
  retire: 'keep',
  reparent: 'auto',
  allowedSiblings: [],
  allowSuperseded: false,
  windowBytes: 64 * MIB,
  rateBytesPerSecond: null,
  roots: [],
};
