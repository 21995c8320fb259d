import { returnCodeOf, type MergeError } from '#domain/merge-error';
import { RETURN_CODE } from '#domain/return-code';
import { printable } from './printable.js';
import type { Terminal } from './terminal.js';

/** The names of [Msvm_ImageManagementService.MergeVirtualHardDisk]'s return values. */
const NAMES: Readonly<Record<number, string>> = {
  [RETURN_CODE.failed]: 'failed',
  [RETURN_CODE.accessDenied]: 'access denied',
  [RETURN_CODE.notSupported]: 'not supported',
  [RETURN_CODE.invalidParameter]: 'invalid parameter',
  [RETURN_CODE.inUse]: 'system is in use',
  [RETURN_CODE.invalidState]: 'invalid state for this operation',
  [RETURN_CODE.notAvailable]: 'system is not available',
  [RETURN_CODE.outOfMemory]: 'out of memory',
  [RETURN_CODE.fileNotFound]: 'file not found',
};

export const hresultText = (hresult: number): string => `0x${hresult.toString(16).toUpperCase().padStart(8, '0')}`;

/** What happened and what to do, and the codes that a WMI client would get. */
export const errorText = (error: MergeError): readonly string[] => {
  const code = returnCodeOf(error);
  return [
    `chainfold: ${printable(error.message)}`,
    `chainfold: return code ${code} (${NAMES[code] ?? 'unknown'}), HRESULT ${hresultText(error.hresult)}, ${error.kind}`,
  ];
};

export const printError = async ({ err }: Terminal, error: MergeError): Promise<void> => {
  for (const line of errorText(error)) await err.line(line);
};
