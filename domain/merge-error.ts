import { CODES_OF, HRESULT, type HResult, type ReturnCode } from './return-code.js';

/**
 * Why an image's bytes cannot be trusted. Each flaw names the structure, what its specification asks for and what is there,
 * and has the HRESULT that the Windows virtual disk stack gives for it. FORMATS.md Part E.
 */
export type FlawKind =
  | 'too-small'
  | 'footer-missing'
  | 'footer-checksum'
  | 'footer-corrupt'
  | 'unsupported-version'
  | 'invalid-type'
  | 'invalid-size'
  | 'invalid-file-size'
  | 'header-corrupt'
  | 'header-checksum'
  | 'header-version'
  | 'block-size'
  | 'bat-size'
  | 'bat-offset'
  | 'bat-entry-out-of-range'
  | 'bat-overlap'
  | 'bitmap-mismatch'
  | 'parent-locator'
  | 'parent-identity-zero'
  | 'encrypted'
  | 'unsupported-writer'
  | 'no-valid-header'
  | 'header-ambiguous'
  | 'log-location'
  | 'log-corrupt'
  | 'log-entry'
  | 'log-too-large'
  | 'truncated'
  | 'region-table'
  | 'unknown-required-region'
  | 'region-missing'
  | 'metadata-table'
  | 'unknown-required-metadata'
  | 'metadata-missing'
  | 'incomplete-file'
  | 'disk-parameters'
  | 'sector-size'
  | 'bat-state'
  | 'bitmap-missing';

export interface StructureFlaw {
  readonly flaw: FlawKind;
  /** The specification's name of the structure: `VHD footer`, `VHD dynamic header`, `BAT`, … */
  readonly structure: string;
  readonly expected: string;
  readonly found: string;
}

export const HRESULT_OF_FLAW = {
  'too-small': HRESULT.vhdInvalidFileSize,
  'footer-missing': HRESULT.vhdFooterMissing,
  'footer-checksum': HRESULT.vhdFooterChecksum,
  'footer-corrupt': HRESULT.vhdFooterCorrupt,
  'unsupported-version': HRESULT.vhdUnsupportedVersion,
  'invalid-type': HRESULT.vhdInvalidType,
  'invalid-size': HRESULT.vhdInvalidSize,
  'invalid-file-size': HRESULT.vhdInvalidFileSize,
  'header-corrupt': HRESULT.vhdHeaderCorrupt,
  'header-checksum': HRESULT.vhdHeaderChecksum,
  'header-version': HRESULT.vhdHeaderVersion,
  'block-size': HRESULT.vhdBlockSize,
  'bat-size': HRESULT.vhdBatCorrupt,
  'bat-offset': HRESULT.vhdBatCorrupt,
  'bat-entry-out-of-range': HRESULT.vhdBatCorrupt,
  'bat-overlap': HRESULT.vhdBatCorrupt,
  'bitmap-mismatch': HRESULT.vhdBitmapMismatch,
  'parent-locator': HRESULT.vhdHeaderCorrupt,
  'parent-identity-zero': HRESULT.vhdIdMismatch,
  encrypted: HRESULT.vhdInvalidState,
  'unsupported-writer': HRESULT.vhdUnsupportedVersion,
  'no-valid-header': HRESULT.vhdHeaderChecksum,
  'header-ambiguous': HRESULT.vhdHeaderCorrupt,
  'log-location': HRESULT.vhdHeaderCorrupt,
  'log-corrupt': HRESULT.vhdHeaderCorrupt,
  'log-entry': HRESULT.vhdHeaderCorrupt,
  'log-too-large': HRESULT.notSupported,
  truncated: HRESULT.vhdInvalidFileSize,
  'region-table': HRESULT.vhdHeaderCorrupt,
  'unknown-required-region': HRESULT.vhdUnsupportedVersion,
  'region-missing': HRESULT.vhdHeaderCorrupt,
  'metadata-table': HRESULT.vhdMetadataCorrupt,
  'unknown-required-metadata': HRESULT.vhdUnsupportedVersion,
  'metadata-missing': HRESULT.vhdMetadataCorrupt,
  'incomplete-file': HRESULT.vhdInvalidState,
  'disk-parameters': HRESULT.vhdMetadataCorrupt,
  'sector-size': HRESULT.vhdSectorSize,
  'bat-state': HRESULT.vhdBatCorrupt,
  'bitmap-missing': HRESULT.vhdBitmapMismatch,
} as const satisfies Record<FlawKind, HResult>;

export type MergeErrorKind =
  | 'invalid-parameter'
  | 'destination-not-an-ancestor'
  | 'file-not-found'
  | 'parent-not-found'
  | 'access-denied'
  | 'not-a-virtual-disk'
  | 'format-not-supported'
  | 'not-differencing'
  | 'mixed-formats'
  | 'sector-size-differs'
  | 'identity-mismatch'
  | 'size-mismatch'
  | 'chain-cycle'
  | 'chain-too-deep'
  | 'saved-state'
  | 'siblings-present'
  | 'children-present'
  | 'hard-linked'
  | 'source-superseded'
  | 'image-changed'
  | 'job-state'
  | 'image-in-use'
  | 'job-holds-image'
  | 'job-taken-over'
  | 'out-of-space'
  | 'block-space-exhausted'
  | 'verification-failed'
  | 'io-failed'
  | 'journal-failed'
  | 'damaged-structure';

/**
 * A refusal or a failure, as a value. The message is for the person at the console: what was expected, what was found,
 * in which file, and what to do. `path` is the file it is about; `related` are the other files, jobs or paths tried.
 */
export interface MergeError {
  readonly kind: MergeErrorKind;
  readonly message: string;
  readonly path: string | null;
  readonly related: readonly string[];
  readonly hresult: HResult;
}

export interface MergeErrorParts {
  readonly path?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly todo: string;
  readonly related?: readonly string[];
}

/** Builds the sentence from its four parts, so that none is forgotten where an error is made. */
export const mergeError = (kind: MergeErrorKind, what: string, parts: MergeErrorParts): MergeError => ({
  kind,
  message: [
    parts.path === undefined ? `${what}.` : `${parts.path}: ${what}.`,
    parts.expected === undefined ? '' : `Expected ${sentence(parts.expected)}`,
    parts.found === undefined ? '' : `Found ${sentence(parts.found)}`,
    parts.todo,
  ]
    .filter((sentence) => sentence !== '')
    .join(' '),
  path: parts.path ?? null,
  related: parts.related ?? [],
  hresult: CODES_OF[kind][1],
});

/** A part may be a sentence of its own, with an end of its own. */
const sentence = (text: string): string => (/[?!]$/.test(text) ? text : `${text.replace(/(?<!\.)\.+$/, '')}.`);

/** The error of a damaged image: the flaw's own HRESULT, and the file untouched. */
export const damagedStructure = (path: string, flaw: StructureFlaw): MergeError => ({
  ...mergeError('damaged-structure', `the ${flaw.structure} is damaged (${flaw.flaw})`, {
    path,
    expected: flaw.expected,
    found: flaw.found,
    todo: 'Nothing was written. Restore this file from a good copy, or check it with `chainfold validate`.',
  }),
  hresult: HRESULT_OF_FLAW[flaw.flaw],
});

export const returnCodeOf = (error: MergeError): ReturnCode => CODES_OF[error.kind][0];
