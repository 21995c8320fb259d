import type { KnownJob } from '../jobs/job-directory.js';
import type { Relatives } from '../chain/relatives.js';

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

export const withoutQuarantined = ({ children, siblings }: Relatives, quarantined: ReadonlySet<string>): Relatives => ({
  children: children.filter(({ image }) => !quarantined.has(image.path)),
  siblings: siblings.filter(({ image }) => !quarantined.has(image.path)),
});
