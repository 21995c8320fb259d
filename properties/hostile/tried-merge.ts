/** A merge of a chain with a hostile image in it, and what the plain readers say of the chain before and after. */
import type { MergeError } from '#domain/merge-error';
import type { RunPorts } from '#application/merge/run-context';
import { merge } from '../product/product.js';
import { type OracleView, oracleView } from './oracle.js';
import type { PatchedFiles } from './patched-files.js';

export type TriedMerge = {
  /** `refused`, `completed`, `suspended`, `failed`, `terminated`. */
  readonly outcome: string;
  readonly error: MergeError | null;
  readonly breaches: readonly string[];
};

/** `paths`: leaf to base, as the product finds them. The plain readers look at the files in memory. */
export const tryMerge = async (
  ports: RunPorts,
  files: PatchedFiles,
  paths: readonly string[],
  pair: { readonly source: number; readonly destination: number },
): Promise<TriedMerge> => {
  const [source, destination] = [paths[pair.source] ?? '', paths[pair.destination] ?? ''];
  const views = { leaf: paths, source: paths.slice(pair.source), destination: paths.slice(pair.destination) };
  const [leafBefore, sourceBefore] = [oracleView(files, views.leaf), oracleView(files, views.source)];
  const changesBefore = new Map(files.paths.map((path) => [path, files.file(path).changes]));
  const before = files.changes;

  const merged = await merge(ports, source, destination);
  if (merged.answer !== 'ran') {
    const error = merged.answer === 'refused' ? merged.error : null;
    const breaches =
      files.changes === before
        ? []
        : [`refused (${error?.kind ?? merged.answer}) after ${files.changes - before} changes`];
    return { outcome: merged.answer, error, breaches };
  }
  const { outcome } = merged;
  const mayChange = new Set(paths.slice(Math.max(0, pair.source - 1), pair.destination + 1));
  // Of the sources only the destination's direct child changes (its link, in a VHDX), and the source's own child (re-parented).
  for (const path of paths.slice(pair.source, Math.max(pair.source, pair.destination - 1))) mayChange.delete(path);
  const changed = files.paths.filter((path) => files.file(path).changes !== changesBefore.get(path));
  return {
    outcome: outcome.outcome,
    error: 'error' in outcome ? outcome.error : null,
    breaches: [
      ...changed.filter((path) => !mayChange.has(path)).map((path) => `the merge changed ${path}`),
      ...leafBreaches(files, leafBefore, [views.leaf, withoutSources(paths, pair)]),
      ...sameView('the source', sourceBefore, oracleView(files, views.source)),
      ...(outcome.outcome === 'completed'
        ? sameView('the destination', sourceBefore, oracleView(files, views.destination))
        : []),
    ],
  };
};

/** The chain of the leaf once the source's child has the destination as its parent. */
const withoutSources = (
  paths: readonly string[],
  pair: { readonly source: number; readonly destination: number },
): readonly string[] => [...paths.slice(0, pair.source), ...paths.slice(pair.destination)];

/** A leaf above the source has the destination as its parent now, or still the source when nobody knew it for a child (its file is damaged). */
const leafBreaches = (
  files: PatchedFiles,
  before: OracleView,
  chains: readonly (readonly string[])[],
): readonly string[] => {
  const breaches = chains.map((paths) => sameView('the leaf', before, oracleView(files, paths)));
  return breaches.some((found) => found.length === 0) ? [] : (breaches[0] ?? []);
};

/** What was not readable before need not be readable afterwards. */
const sameView = (who: string, before: OracleView, after: OracleView): readonly string[] => {
  if (before.reads !== true || after.reads === 'undecided') return [];
  if (!after.reads) return [`${who} cannot be read after the merge: ${after.complaint}: ${after.detail}`];
  return after.digest === before.digest ? [] : [`${who} shows something else after the merge`];
};
