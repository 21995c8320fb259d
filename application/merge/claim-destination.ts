import { isClaimed, type MergingJob } from '#domain/merge-job/state';
import type { LinkPrepared } from '#domain/merge-job/events';
import type { IdentityChange, ParentLink } from '../ports/disk-image.js';
import { fileIdentity, ImageUnreadable, statLocked, type RunContext } from './run-context.js';

/**
 * Gives the destination its new identity before its content changes, so that nobody else's child opens over half-merged data, and
 * never lets its direct child lose it: the child accepts old and new, then the destination changes, then the child forgets the
 * old. FORMATS.md C4. The intention is in the journal before the first step; a run that finds the sequence cut off goes on with it
 * from what the disk says. A format that keeps its identity (VHD) has nothing to do here.
 */
export const claimDestination = async (job: MergingJob, run: RunContext): Promise<void> => {
  const { destination } = run.material;
  const change = destination.identityChange;
  if (change === null || isClaimed(job)) return;
  const child = job.chain.images.at(-2)!.path;
  const fileWriteGuid = run.fileWriteGuids[child];
  if (fileWriteGuid === undefined) throw new Error(`Bug: this run has not announced that it changes ${child}`);
  const opened = await run.ports.images.parentLink(child, fileWriteGuid);
  if (!opened.ok) throw new ImageUnreadable(opened.error);
  const link = opened.value;
  try {
    const prepared = job.claim?.prepared ?? (await prepare(child, link, run));
    await passOn(prepared, change, link, run);
    const { path } = destination.description;
    const { oldIdentity, newIdentity } = prepared;
    const file = fileIdentity(await statLocked(child, run.ports.files));
    await run.job.record({
      type: 'ClaimDestination',
      claim: { path, oldIdentity, newIdentity, child: { path: child, file } },
    });
  } finally {
    await link.close();
  }
};

const prepare = async (child: string, link: ParentLink, run: RunContext): Promise<Omit<LinkPrepared, 'type'>> => {
  const oldIdentity = run.material.destination.description.identity;
  const newIdentity = run.ports.identifiers.newGuid();
  const prepared = {
    path: child,
    before: link.image,
    after: link.imageAccepting([newIdentity]),
    oldIdentity,
    newIdentity,
  };
  await run.job.record({ type: 'PrepareLink', link: prepared });
  return prepared;
};

/** Each step is durable before the next begins; one that is done already is not done again. */
const passOn = async (
  { path, oldIdentity, newIdentity }: Omit<LinkPrepared, 'type'>,
  change: IdentityChange,
  link: ParentLink,
  run: RunContext,
): Promise<void> => {
  if (run.material.destination.description.identity !== newIdentity) {
    await run.stillOurs();
    run.watch.weChange(path);
    await link.accept([oldIdentity, newIdentity]);
    await run.stillOurs();
    await change.take(newIdentity);
  }
  await run.stillOurs();
  run.watch.weChange(path);
  await link.accept([newIdentity]);
  await run.watch.changedByUs(path);
};
