import { forestOf, type ForestNode } from '#domain/chain/forest';
import type { Trouble } from '#domain/chain/link-troubles';
import type { ScannedImage } from './examine-image.js';
import type { JournalHere } from './jobs-here.js';

/** An image in its chain. */
export interface ScannedRow {
  readonly image: ScannedImage;
  /** The parent in the chain; null for its base, and for a disk whose parent is not known for certain. */
  readonly parent: string | null;
  /** 0 for the base. */
  readonly depth: number;
  /** Is it the last child of its parent? */
  readonly isLast: boolean;
  readonly troubles: readonly Trouble[];
  /** A merged source that was kept, and on which nothing else hangs. */
  readonly isRemovable: boolean;
}

/** A base with all that hangs on it, directly or not. */
export interface ScannedChain {
  /** Each parent before its children, these by path. */
  readonly rows: readonly ScannedRow[];
  /** Of all its files. */
  readonly sizeBytes: number;
  /** Null when it is not known of one of them. */
  readonly allocatedBytes: number | null;
}

export const chainsOf = (
  images: readonly ScannedImage[],
  superseded: JournalHere['superseded'],
): readonly ScannedChain[] =>
  forestOf(images).map((root) => {
    const rows = rowsOf(root);
    const removable = removableIn(rows, superseded);
    return {
      rows: rows.map((row) => {
        const isRemovable = removable.has(row.image.path);
        const journal = journalTrouble(row.image.path, isRemovable, superseded);
        return { ...row, isRemovable, troubles: [...row.image.troubles, ...row.troubles, ...journal] };
      }),
      sizeBytes: rows.reduce((total, { image }) => total + image.file.sizeBytes, 0),
      allocatedBytes: rows.reduce<number | null>(
        (total, { image }) => (total === null || image.allocatedBytes === null ? null : total + image.allocatedBytes),
        0,
      ),
    };
  });

type Row = Omit<ScannedRow, 'isRemovable'>;

/** With a stack of its own: hostile chains are deeper than a program's. */
const rowsOf = (root: ForestNode<ScannedImage>): readonly Row[] => {
  const rows: Row[] = [];
  const stack = [{ node: root, parent: null as string | null, depth: 0, isLast: true }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { node, ...place } = next;
    rows.push({ image: node.image, troubles: node.troubles, ...place });
    const children = node.children.map((child, index) => ({
      node: child,
      parent: node.image.path,
      depth: place.depth + 1,
      isLast: index === node.children.length - 1,
    }));
    for (const child of children.reverse()) stack.push(child);
  }
  return rows;
};

/** Children before their parents: a merged source is removable when all that hangs on it is. */
const removableIn = (rows: readonly Row[], superseded: JournalHere['superseded']): ReadonlySet<string> => {
  const removable = new Set<string>();
  const needed = new Set<string>();
  for (const { image, parent } of [...rows].reverse()) {
    const kept = superseded.get(image.path);
    if (kept?.changed === false && !needed.has(image.path)) removable.add(image.path);
    else if (parent !== null) needed.add(parent);
  }
  return removable;
};

const journalTrouble = (
  path: string,
  isRemovable: boolean,
  superseded: JournalHere['superseded'],
): readonly Trouble[] => {
  const kept = superseded.get(path);
  if (kept === undefined) return [];
  const merged = `merged by job ${kept.jobId} and kept`;
  const trouble = (kind: Trouble['kind'], message: string): Trouble => ({
    kind,
    severity: 'attention',
    message,
    related: [],
  });
  if (kept.changed) return [trouble('changed-since-merge', `${merged}, but changed since: it may hold newer data`)];
  return [
    trouble('superseded', isRemovable ? `${merged}: it could be removed` : `${merged}; other disks still hang on it`),
  ];
};
