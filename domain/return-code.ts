import type { MergeErrorKind } from './merge-error.js';

/**
 * The documented return values of `Msvm_ImageManagementService.MergeVirtualHardDisk`, "Return value".
 * No other number is ever returned.
 */
export const RETURN_CODE = {
  completed: 0,
  jobStarted: 4096,
  failed: 32768,
  accessDenied: 32769,
  notSupported: 32770,
  statusUnknown: 32771,
  timeout: 32772,
  invalidParameter: 32773,
  inUse: 32774,
  invalidState: 32775,
  incorrectDataType: 32776,
  notAvailable: 32777,
  outOfMemory: 32778,
  fileNotFound: 32779,
} as const;
export type ReturnCode = (typeof RETURN_CODE)[keyof typeof RETURN_CODE];

/** An HRESULT as an unsigned 32-bit number, winerror.h. */
export type HResult = number;

/** HRESULTs that a merge can end with: facility 0x3A (virtual disks) and the general ones met there. winerror.h. */
export const HRESULT = {
  ok: 0,
  fileNotFound: 0x80070002,
  accessDenied: 0x80070005,
  invalidParameter: 0x80070057,
  sharingViolation: 0x80070020,
  diskFull: 0x80070070,
  ioDevice: 0x8007045d,
  unexpected: 0x8000ffff,
  notSupported: 0x80070032,
  vhdFooterMissing: 0xc03a0001,
  vhdFooterChecksum: 0xc03a0002,
  vhdFooterCorrupt: 0xc03a0003,
  vhdFormatUnknown: 0xc03a0004,
  vhdUnsupportedVersion: 0xc03a0005,
  vhdHeaderChecksum: 0xc03a0006,
  vhdHeaderVersion: 0xc03a0007,
  vhdHeaderCorrupt: 0xc03a0008,
  vhdBlockAllocation: 0xc03a0009,
  vhdBatCorrupt: 0xc03a000a,
  vhdBlockSize: 0xc03a000b,
  vhdBitmapMismatch: 0xc03a000c,
  vhdParentNotFound: 0xc03a000d,
  vhdIdMismatch: 0xc03a000e,
  vhdMetadataCorrupt: 0xc03a0010,
  vhdInvalidSize: 0xc03a0012,
  vhdInvalidFileSize: 0xc03a0013,
  notVirtualDisk: 0xc03a0015,
  vhdParentAccessDenied: 0xc03a0016,
  vhdSizeMismatch: 0xc03a0017,
  vhdCycle: 0xc03a0018,
  vhdErrorInParent: 0xc03a0019,
  vhdInvalidType: 0xc03a001b,
  vhdInvalidState: 0xc03a001c,
  vhdSectorSize: 0xc03a001d,
} as const;

/** What each kind of refusal or failure answers to a WMI caller. A new kind does not compile without its codes. */
export const CODES_OF = {
  'invalid-parameter': [RETURN_CODE.invalidParameter, HRESULT.invalidParameter],
  'destination-not-an-ancestor': [RETURN_CODE.invalidParameter, HRESULT.invalidParameter],
  'file-not-found': [RETURN_CODE.fileNotFound, HRESULT.fileNotFound],
  'parent-not-found': [RETURN_CODE.fileNotFound, HRESULT.vhdParentNotFound],
  'access-denied': [RETURN_CODE.accessDenied, HRESULT.accessDenied],
  'not-a-virtual-disk': [RETURN_CODE.notSupported, HRESULT.notVirtualDisk],
  'format-not-supported': [RETURN_CODE.notSupported, HRESULT.notSupported],
  'not-differencing': [RETURN_CODE.notSupported, HRESULT.vhdInvalidType],
  'mixed-formats': [RETURN_CODE.notSupported, HRESULT.vhdInvalidType],
  'sector-size-differs': [RETURN_CODE.notSupported, HRESULT.vhdSectorSize],
  'identity-mismatch': [RETURN_CODE.invalidState, HRESULT.vhdIdMismatch],
  'size-mismatch': [RETURN_CODE.invalidState, HRESULT.vhdSizeMismatch],
  'chain-cycle': [RETURN_CODE.invalidState, HRESULT.vhdCycle],
  'chain-too-deep': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'saved-state': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'siblings-present': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'children-present': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'hard-linked': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'source-superseded': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'image-changed': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'job-state': [RETURN_CODE.invalidState, HRESULT.vhdInvalidState],
  'image-in-use': [RETURN_CODE.inUse, HRESULT.sharingViolation],
  'job-holds-image': [RETURN_CODE.inUse, HRESULT.sharingViolation],
  'job-taken-over': [RETURN_CODE.inUse, HRESULT.sharingViolation],
  'out-of-space': [RETURN_CODE.failed, HRESULT.diskFull],
  'block-space-exhausted': [RETURN_CODE.failed, HRESULT.vhdBlockAllocation],
  'verification-failed': [RETURN_CODE.failed, HRESULT.unexpected],
  'io-failed': [RETURN_CODE.failed, HRESULT.ioDevice],
  'journal-failed': [RETURN_CODE.failed, HRESULT.ioDevice],
  'damaged-structure': [RETURN_CODE.failed, HRESULT.unexpected], // the flaw's own HRESULT replaces this one
} as const satisfies Record<MergeErrorKind, readonly [ReturnCode, HResult]>;
