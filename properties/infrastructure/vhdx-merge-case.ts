import type { VhdxComplaintKind } from '../models/plain-vhdx-check.js';
import { type Disks, MIB, type NewDisk, type Shown } from './vhdx-disks.js';

/** Sectors of 512 bytes in a MiB. */
export const M = 2048;

export const child = (rest: Omit<NewDisk, 'type'>): NewDisk => ({ type: 'differencing', ...rest });

export type Case = Disks & {
  readonly title: string;
  /** Leaf to destination. Without it the last. */
  readonly into?: number;
  readonly shows: readonly Shown[];
  /** States of the destination's blocks afterwards, where they matter. */
  readonly blocks?: Readonly<Record<number, number>>;
  /** A destination that was not quite in order before. */
  readonly mayComplain?: VhdxComplaintKind;
};

export const full = (type: NewDisk['type'], rest: Partial<NewDisk> = {}): NewDisk => ({
  type,
  sizeBytes: 6 * MIB,
  blockMib: 1,
  data: [[0, 6 * M]],
  ...rest,
});
