import { CODES_OF } from '../../domain/return-code.js';

/** Is it a kind of refusal or failure that the product documents? */
export const isMergeErrorKind = (kind: string): boolean => Object.hasOwn(CODES_OF, kind);
