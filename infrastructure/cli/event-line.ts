import type { MergeJobEvent } from '#domain/merge-job/events';
import { counted, inTime, inUnits } from './bytes-argument.js';
import { printable } from './printable.js';

/** What an event says, in one line for a person. */
export const eventLine = (event: MergeJobEvent): string => printable(sentence(event));

const sentence = (event: MergeJobEvent): string => {
  switch (event.type) {
    case 'MergeRequested':
      return `requested by ${event.requester.user}: ${event.source} into ${event.destination}`;
    case 'MergeRefused':
      return `refused (${event.returnCode}): ${event.error.message}`;
    case 'ChainAccepted':
      return (
        `chain accepted: ${event.images.map(({ path }) => path).join(' → ')}; ${counted(event.blocks, 'block')}, ` +
        `${inUnits(event.bytes)} to merge, ${counted(event.newBlocks, 'new block')}, ${inUnits(event.spaceNeededBytes)} of space`
      );
    case 'MergeStarted':
      return `started: run ${event.run.epoch} on ${event.run.host}, pid ${event.run.pid}`;
    case 'LinkPrepared':
      return `link prepared: ${event.path} will follow its parent from ${event.oldIdentity} to ${event.newIdentity}`;
    case 'DestinationClaimed':
      return `destination claimed: ${event.path} has identity ${event.newIdentity}, and its child ${event.child.path} names it`;
    case 'BlockMerged':
      return (
        `block ${event.block} merged${event.repair ? ' once more' : ''}: ${inUnits(event.bytes)}, ${event.digest}; ` +
        `${counted(event.totals.blocks, 'block')}, ${inUnits(event.totals.bytes)} so far`
      );
    case 'MergeSuspended':
      return (
        `suspended by ${event.by} (${event.why}) before block ${event.nextBlock}` +
        (event.missingBytes === null ? '' : `; ${inUnits(event.missingBytes)} are missing`)
      );
    case 'MergeResumed':
      return `resumed by ${event.by}: run ${event.run.epoch} on ${event.run.host}, pid ${event.run.pid}`;
    case 'MergeRecovered':
      return (
        `recovered after an interruption: run ${event.run.epoch} on ${event.run.host}, pid ${event.run.pid}; ` +
        `${counted(event.streamSaid.blocks, 'block')} committed, at most ${inUnits(event.redoBytesAtMost)} to do again`
      );
    case 'MergeTerminated':
      return `terminated by ${event.by} (${event.why}) before block ${event.nextBlock}`;
    case 'JobMoved':
      return `moved by ${event.by} to the journal ${event.to}: it goes on there`;
    case 'JournalOutageEnded':
      return `the journal was away for ${inTime(event.until - event.since)} (${event.reason}); the merge waited`;
    case 'DestinationFinalized':
      return `destination flushed: ${inUnits(event.file.sizeBytes)} file, identity ${event.identity}`;
    case 'MergeVerified':
      return (
        `verified (${event.mode}): ${counted(event.blocks, 'block')}, ${inUnits(event.bytes)} read back from the ` +
        (event.readFrom === 'device' ? 'device' : 'page cache: here nothing can be read past it')
      );
    case 'ChildReparented':
      return event.step === 'intended' ? `child to re-parent: ${event.path}` : `child re-parented: ${event.path}`;
    case 'SourceRetired':
      return event.step === 'intended'
        ? `source to retire (${event.action}): ${event.path}`
        : `source retired (${event.action}): ${event.path}${event.target === null ? '' : ` is now ${event.target}`}`;
    case 'MergeCompleted':
      return `completed: ${counted(event.blocks, 'block')}, ${inUnits(event.bytes)} in ${inTime(event.elapsedMs)}`;
    case 'MergeFailed':
      return `failed (${event.returnCode}, ${event.resumable ? 'can be resumed' : 'for good'}): ${event.error.message} ${event.nextStep}`;
  }
};
