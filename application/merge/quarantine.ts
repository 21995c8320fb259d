import type { KnownJob } from '../jobs/job-directory.js';
import type { Relative, Relatives } from '../chain/relatives.js';

/** The name of a merged image in quarantine: beside its old one, and nobody else's. */
export const quarantineName = (path: string, jobId: string): string => `${path}.merged-${jobId}`;

/**
 * Where completed jobs have put images in quarantine. Those still say that they hang on a parent, but they were given up: they
 * neither stop a merge nor get a new parent. A name alone proves nothing, so the journal is asked.
 */
export const quarantinedPaths = (jobs: readonly KnownJob[]): ReadonlySet<string> =>
  new Set(
    jobs.flatMap(({ jobId, state }) =>
      state.phase === 'completed' && state.completion.retire === 'quarantine'
        ? state.chain.images.slice(0, -1).map(({ path }) => quarantineName(path, jobId))
        : [],
    ),
  );

/**
 * The relatives that count: without images in quarantine, and without broken links of disks that a completed job merged, or whose
 * loss it was told to accept. Nobody has to mend those, and the disk below them has changed since by right.
 */
export const withoutGivenUp = (relatives: Relatives, jobs: readonly KnownJob[]): Relatives => {
  const quarantined = quarantinedPaths(jobs);
  const settled = settledDisks(jobs);
  const counts = ({ image, link }: Relative): boolean =>
    !quarantined.has(image.path) && !(link === 'path' && settled.has(diskKey(image)));
  return {
    ...relatives,
    children: relatives.children.filter(counts),
    siblings: relatives.siblings.filter(counts),
    stranded: relatives.stranded.filter(counts),
  };
};

/** A disk is known by its path and its identity: another one may have its name meanwhile. */
const diskKey = ({ path, identity }: { readonly path: string; readonly identity: string }): string =>
  `${identity} ${path}`;

const settledDisks = (jobs: readonly KnownJob[]): ReadonlySet<string> =>
  new Set(
    jobs.flatMap(({ state }) =>
      state.phase === 'completed' ? [...state.chain.images.slice(0, -1), ...state.chain.siblings].map(diskKey) : [],
    ),
  );
