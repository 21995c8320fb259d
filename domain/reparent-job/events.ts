import type { PathMap } from '../chain/path-map.js';
import type { FileIdentity } from '../chain/image-description.js';
import type { MergeError } from '../merge-error.js';
import type { Actor, ImageRecord } from '../merge-job/events.js';
import type { ReturnCode } from '../return-code.js';

/**
 * The history of one change of a child's parent that a person asked for: one stream each, `reparent-<id>`. Names are past tense, an
 * event is never edited, and a claim about the disk was made true by a flush before the event was appended.
 *
 * Before you change an event read docs/decisions/0014: only an optional field may be added without a new version.
 */
export type ReparentJobEvent =
  ReparentRequested | ReparentRefused | ParentLinkPrepared | ParentLinkChanged | ReparentFailed;

export type ReparentJobEventType = ReparentJobEvent['type'];

/** Both paths as they were asked for, with links resolved where there is something to resolve. */
export interface ReparentRequested {
  readonly type: 'ReparentRequested';
  readonly child: string;
  readonly parent: string;
  /** Take the parent although the child names another identity. */
  readonly ignoreIdMismatch: boolean;
  readonly roots: readonly string[];
  /** Left out: none. */
  readonly maps?: readonly PathMap[];
  readonly requester: Actor;
}

/** The answer was no; nothing was written to any image. */
export interface ReparentRefused {
  readonly type: 'ReparentRefused';
  readonly error: MergeError;
  readonly returnCode: ReturnCode;
}

/** A path to the parent as the child's file holds it, by the name of its locator. */
export interface StoredParentPath {
  readonly locator: string;
  readonly path: string;
}

/** Before the first byte: all that is needed to finish the change, or to see that somebody else has changed the file. */
export interface ParentLinkPrepared {
  readonly type: 'ParentLinkPrepared';
  readonly child: ImageRecord;
  readonly parent: ImageRecord;
  /** The identities that the child accepted before. */
  readonly oldIdentities: readonly string[];
  readonly oldPaths: readonly StoredParentPath[];
  readonly newPaths: readonly StoredParentPath[];
  /** False: the child named another parent, and a person said that this is it. No data were compared: a wrong parent is corruption. */
  readonly identityMatched: boolean;
  /** Before- and after-image of all that is rewritten (base64, per format), so that a torn header can be written again. */
  readonly images: Readonly<Record<string, string | number>>;
  /** Protection that this host cannot give, in words; empty when all of it is there. */
  readonly missingProtection: readonly string[];
}

/** The child names its new parent, flushed. `file` is the child after it. */
export interface ParentLinkChanged {
  readonly type: 'ParentLinkChanged';
  readonly child: string;
  readonly parent: string;
  readonly parentIdentity: string;
  readonly file: FileIdentity;
}

/** `resumable`: the change is begun or may be, and `reparent` of this child finishes it. Else nobody goes on with it. */
export interface ReparentFailed {
  readonly type: 'ReparentFailed';
  readonly error: MergeError;
  readonly returnCode: ReturnCode;
  readonly resumable: boolean;
  readonly nextStep: string;
}
