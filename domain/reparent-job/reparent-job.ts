/**
 * One change of a child's parent: decide and evolve. Invariants:
 * - The first event is the request; there is one request.
 * - Nothing is prepared for a parent of another identity unless the request said that it may be another.
 * - A change is confirmed, or fails, only when it was prepared: images stand in the stream before the first byte.
 * - After `ParentLinkChanged`, `ReparentRefused` or a failure for good nothing follows.
 */
import { returnCodeOf } from '../merge-error.js';
import { err, ok, type Result } from '../result.js';
import { unreachable } from '../unreachable.js';
import type { ReparentJobCommand, ReparentJobRefusal } from './commands.js';
import type { ParentLinkPrepared, ReparentJobEvent } from './events.js';
import type { PreparedReparent, ReparentJobState, RequestedReparent } from './state.js';

type Decision = Result<ReparentJobEvent, ReparentJobRefusal>;

export const decide = (command: ReparentJobCommand, state: ReparentJobState): Decision => {
  switch (command.type) {
    case 'RequestReparent':
      return state.phase === 'unrequested'
        ? ok({ type: 'ReparentRequested', ...command.request })
        : wrongPhase(command, state);
    case 'RefuseReparent': {
      const { error } = command;
      return state.phase === 'requested'
        ? ok({ type: 'ReparentRefused', error, returnCode: returnCodeOf(error) })
        : wrongPhase(command, state);
    }
    case 'PrepareParentLink':
      return state.phase === 'requested' ? prepared(command.link, state) : wrongPhase(command, state);
    case 'ConfirmParentLink': {
      if (state.phase !== 'prepared') return wrongPhase(command, state);
      const { child, parent } = state.link;
      const identity = { child: child.path, parent: parent.path, parentIdentity: parent.identity };
      return ok({ type: 'ParentLinkChanged', ...identity, file: command.file });
    }
    case 'FailReparent': {
      if (state.phase !== 'prepared') return wrongPhase(command, state);
      const { error, resumable, nextStep } = command;
      return ok({ type: 'ReparentFailed', error, returnCode: returnCodeOf(error), resumable, nextStep });
    }
    default:
      return unreachable(command);
  }
};

const prepared = (link: Omit<ParentLinkPrepared, 'type'>, { request }: RequestedReparent): Decision => {
  const { oldIdentities, parent } = link;
  const matches = oldIdentities.includes(parent.identity);
  if (matches !== link.identityMatched || (!matches && !request.ignoreIdMismatch))
    return err({ kind: 'mismatch-not-allowed', oldIdentities, identity: parent.identity });
  return ok({ type: 'ParentLinkPrepared', ...link });
};

/** Only records. An event that cannot follow is a bug of whoever appended it: a journal is read through `decide` by its audit. */
export const evolve = (state: ReparentJobState, event: ReparentJobEvent): ReparentJobState => {
  switch (event.type) {
    case 'ReparentRequested':
      return { phase: 'requested', request: event };
    case 'ReparentRefused':
      return { phase: 'refused', request: askedOf(state, event), error: event.error };
    case 'ParentLinkPrepared':
      return { phase: 'prepared', request: askedOf(state, event), link: event, lastError: null };
    case 'ParentLinkChanged': {
      const { request, link } = preparedBefore(state, event);
      return { phase: 'changed', request, link, change: event };
    }
    case 'ReparentFailed': {
      const before = preparedBefore(state, event);
      const { request, link } = before;
      return event.resumable
        ? { ...before, lastError: event.error }
        : { phase: 'failed', request, link, error: event.error };
    }
    default:
      return unreachable(event);
  }
};

const askedOf = (state: ReparentJobState, { type }: ReparentJobEvent): RequestedReparent['request'] => {
  if (state.phase === 'unrequested') throw new Error(`Bug: ${type} in a stream without a request`);
  return state.request;
};

const preparedBefore = (state: ReparentJobState, { type }: ReparentJobEvent): PreparedReparent => {
  if (state.phase !== 'prepared') throw new Error(`Bug: ${type} in phase ${state.phase}`);
  return state;
};

/** The command that led to this event: an audit asks whether it would be decided again. */
export const commandFor = (event: ReparentJobEvent): ReparentJobCommand => {
  switch (event.type) {
    case 'ReparentRequested': {
      const { type: _, ...request } = event;
      return { type: 'RequestReparent', request };
    }
    case 'ReparentRefused':
      return { type: 'RefuseReparent', error: event.error };
    case 'ParentLinkPrepared': {
      const { type: _, ...link } = event;
      return { type: 'PrepareParentLink', link };
    }
    case 'ParentLinkChanged':
      return { type: 'ConfirmParentLink', file: event.file };
    case 'ReparentFailed': {
      const { error, resumable, nextStep } = event;
      return { type: 'FailReparent', error, resumable, nextStep };
    }
    default:
      return unreachable(event);
  }
};

const wrongPhase = (command: ReparentJobCommand, { phase }: ReparentJobState): Decision =>
  err({ kind: 'wrong-phase', command: command.type, phase });
