import type { LinkOutcome } from '#application/reparent/change-link';
import type { ReparentAnswer } from '#application/use-cases/reparent-image';
import { returnCodeOf, type MergeError } from '#domain/merge-error';
import type { ReparentJobEvent, StoredParentPath } from '#domain/reparent-job/events';
import { RETURN_CODE } from '#domain/return-code';
import { printable } from './printable.js';

const NOT_COMPARED =
  'The child named another identity, as was allowed. Its data and those of the parent were not compared: with a wrong parent this disk is corrupt.';

type Changed = Extract<LinkOutcome, { outcome: 'changed' }>;
type Failed = Extract<LinkOutcome, { outcome: 'failed' }>;

export const changedText = ({ state: { link }, reparentId }: Changed): readonly string[] => {
  const { child, parent, oldIdentities, oldPaths, newPaths, identityMatched } = link;
  return [
    `Re-parented ${child.path}`,
    `  from ${oldIdentities.join(' or ')} at ${pathsText(oldPaths)}`,
    `  to   ${parent.identity} at ${parent.path}`,
    `  written: ${newPaths.map(({ locator, path }) => `${locator} ${path}`).join(', ')}`,
    ...(identityMatched ? ['The identity is that of the parent which the child named.'] : [NOT_COMPARED]),
    `Recorded as ${reparentId}.`,
  ].map(printable);
};

const pathsText = (paths: readonly StoredParentPath[]): string => {
  const distinct = [...new Set(paths.map(({ path }) => path))];
  return distinct.length === 0 ? 'no path' : distinct.join(', ');
};

export const unchangedText = ({
  child,
  parent,
}: Extract<ReparentAnswer, { answer: 'unchanged' }>): readonly string[] => [
  printable(`${child} names ${parent} as its parent already. Nothing was written.`),
];

export const failedText = ({ resumable, nextStep, reparentId }: Failed): readonly string[] =>
  [nextStep, `Recorded as ${reparentId}${resumable ? ', unfinished' : ''}.`].map(printable);

/** The last line of `reparent --json`. */
export const reparentResult = (answer: ReparentAnswer): Readonly<Record<string, unknown>> => {
  const finished = answer.finished === null ? null : outcomeValue(answer.finished);
  switch (answer.answer) {
    case 'unchanged': {
      const { child, parent } = answer;
      return { type: 'result', answer: 'unchanged', reparentId: null, child, parent, ...codesOf(null), finished };
    }
    case 'refused':
      return { type: 'result', answer: 'refused', reparentId: answer.reparentId, ...codesOf(answer.error), finished };
    case 'ended':
      return { type: 'result', ...outcomeValue(answer.ended), finished };
  }
};

const outcomeValue = (ended: LinkOutcome): Readonly<Record<string, unknown>> => {
  const { reparentId } = ended;
  if (ended.outcome === 'failed') {
    const { resumable, nextStep } = ended;
    return { answer: 'failed', reparentId, ...codesOf(ended.error), resumable, nextStep };
  }
  const { child, parent, oldIdentities, oldPaths, newPaths, identityMatched } = ended.state.link;
  return {
    answer: 'changed',
    reparentId,
    child: child.path,
    parent: parent.path,
    parentIdentity: parent.identity,
    oldIdentities,
    oldPaths,
    newPaths,
    identityMatched,
    ...codesOf(null),
  };
};

const codesOf = (error: MergeError | null): Readonly<Record<string, unknown>> => ({
  returnValue: error === null ? RETURN_CODE.completed : returnCodeOf(error),
  hresult: error === null ? 0 : error.hresult,
  error: error === null ? null : { kind: error.kind, message: error.message, path: error.path },
});

/** What an event says, in one line for a person. */
export const reparentEventLine = (event: ReparentJobEvent): string => printable(sentence(event));

const sentence = (event: ReparentJobEvent): string => {
  switch (event.type) {
    case 'ReparentRequested':
      return `requested by ${event.requester.user}: ${event.child} under ${event.parent}${event.ignoreIdMismatch ? ', whatever its identity' : ''}`;
    case 'ReparentRefused':
      return `refused (${String(event.returnCode)}): ${event.error.message}`;
    case 'ParentLinkPrepared':
      return (
        `link prepared: ${event.child.path} will name ${event.parent.identity} at ${event.parent.path}` +
        (event.identityMatched ? '' : `, and named ${event.oldIdentities.join(' or ')}: the data were not compared`)
      );
    case 'ParentLinkChanged':
      return `link changed: ${event.child} names ${event.parentIdentity} at ${event.parent}`;
    case 'ReparentFailed':
      return `failed (${String(event.returnCode)}, ${event.resumable ? 'unfinished' : 'for good'}): ${event.error.message} ${event.nextStep}`;
  }
};
