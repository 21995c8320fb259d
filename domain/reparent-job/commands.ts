import type { FileIdentity } from '../chain/image-description.js';
import type { MergeError } from '../merge-error.js';
import type { ParentLinkPrepared, ReparentRequested } from './events.js';

/** What may be asked of a change of a child's parent. What was found on disk comes in with the command. */
export type ReparentJobCommand =
  | { readonly type: 'RequestReparent'; readonly request: Omit<ReparentRequested, 'type'> }
  | { readonly type: 'RefuseReparent'; readonly error: MergeError }
  | { readonly type: 'PrepareParentLink'; readonly link: Omit<ParentLinkPrepared, 'type'> }
  | { readonly type: 'ConfirmParentLink'; readonly file: FileIdentity }
  | {
      readonly type: 'FailReparent';
      readonly error: MergeError;
      readonly resumable: boolean;
      readonly nextStep: string;
    };

/** Why the aggregate says no: an answer to a wrong caller, not to a person. */
export type ReparentJobRefusal =
  | { readonly kind: 'wrong-phase'; readonly command: ReparentJobCommand['type']; readonly phase: string }
  | { readonly kind: 'mismatch-not-allowed'; readonly oldIdentities: readonly string[]; readonly identity: string };
