import type { MergeError } from '#domain/merge-error';

/** Msvm_Error: what `GetError` gives of a job that is not well. HYPERV: the samples read `ErrorSource` and `Message`. */
export interface MsvmError {
  /** 4 Software Error, 5 Hardware Error, 7 Security Error (CIM_Error.ErrorType). */
  readonly errorType: number;
  readonly owningEntity: string;
  readonly messageId: string;
  readonly message: string;
  readonly messageArguments: readonly string[];
  /** 5: Major. */
  readonly perceivedSeverity: number;
  readonly recommendedActions: readonly string[];
  readonly errorSource: string;
  /** CIM_ERR_FAILED 1, CIM_ERR_ACCESS_DENIED 2, CIM_ERR_NOT_FOUND 6, CIM_ERR_NOT_SUPPORTED 7. */
  readonly cimStatusCode: number;
}

export const msvmError = (error: MergeError, nextStep: string | null): MsvmError => ({
  errorType: error.kind === 'io-failed' ? 5 : error.kind === 'access-denied' ? 7 : 4,
  owningEntity: 'chainfold',
  messageId: error.kind,
  message: error.message,
  messageArguments: error.related,
  perceivedSeverity: 5,
  recommendedActions: nextStep === null ? [] : [nextStep],
  errorSource: error.path ?? '',
  cimStatusCode: cimStatusOf(error),
});

const cimStatusOf = ({ kind }: MergeError): number => {
  if (kind === 'access-denied') return 2;
  if (kind === 'file-not-found' || kind === 'parent-not-found') return 6;
  return kind === 'format-not-supported' || kind === 'not-a-virtual-disk' ? 7 : 1;
};
