import type { MergeError } from '../merge-error.js';
import type { ParentLinkChanged, ParentLinkPrepared, ReparentRequested } from './events.js';

/** Where a change of a child's parent stands, by phase: each phase has what it needs and nothing else. */
export type ReparentJobState =
  | { readonly phase: 'unrequested' }
  | RequestedReparent
  | RefusedReparent
  | PreparedReparent
  | ChangedReparent
  | FailedReparent;

interface Asked {
  readonly request: ReparentRequested;
}

/** Nothing is known of the disk yet: nobody goes on with it. */
export interface RequestedReparent extends Asked {
  readonly phase: 'requested';
}

export interface RefusedReparent extends Asked {
  readonly phase: 'refused';
  readonly error: MergeError;
}

/** Unfinished: the child may be as before, as after, or between. `lastError`: what kept the last run from finishing it. */
export interface PreparedReparent extends Asked {
  readonly phase: 'prepared';
  readonly link: ParentLinkPrepared;
  readonly lastError: MergeError | null;
}

export interface ChangedReparent extends Asked {
  readonly phase: 'changed';
  readonly link: ParentLinkPrepared;
  readonly change: ParentLinkChanged;
}

export interface FailedReparent extends Asked {
  readonly phase: 'failed';
  readonly link: ParentLinkPrepared;
  readonly error: MergeError;
}

export const initialState: ReparentJobState = { phase: 'unrequested' };
