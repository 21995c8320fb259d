import type { ConvertedDisk, ConvertOutcome, ConvertRequest } from '#application/use-cases/convert-image';
import { returnCodeOf } from '#domain/merge-error';
import { RETURN_CODE } from '#domain/return-code';
import { inUnits } from './bytes-argument.js';
import { printable } from './printable.js';

/** The last line of `convert --json`. `returnValue` is what ConvertVirtualHardDisk would answer. */
export interface ConvertResultLine {
  readonly type: 'result';
  readonly source: string;
  readonly path: string;
  readonly returnValue: number;
  readonly hresult: number;
  readonly error: { readonly kind: string; readonly message: string; readonly path: string | null } | null;
  /** Null when nothing was made. */
  readonly disk: {
    readonly format: string;
    readonly type: string;
    readonly virtualSize: number;
    readonly blockSize: number | null;
    readonly logicalSectorSize: number;
    readonly identity: string | null;
    readonly digest: string;
    readonly verified: string;
    readonly bytesRead: number;
  } | null;
  readonly elapsedMs: number;
}

/** ERROR_CANCELLED: somebody wanted it so. winerror.h. */
const CANCELLED = 0x800704c7;

export const STOPPED_TEXT =
  'stopped. The new disk was not made, and the sources are as they were. A conversion does not go on where it stopped: it begins anew.';

export const convertResultLine = (
  outcome: ConvertOutcome,
  { sourcePath, newPath }: Pick<ConvertRequest, 'sourcePath' | 'newPath'>,
  elapsedMs: number,
): ConvertResultLine => {
  const line = { type: 'result', source: sourcePath, path: newPath, elapsedMs, disk: null, error: null } as const;
  switch (outcome.outcome) {
    case 'converted':
      return {
        ...line,
        path: outcome.disk.path,
        returnValue: RETURN_CODE.completed,
        hresult: 0,
        disk: diskJson(outcome.disk),
      };
    case 'stopped':
      return { ...line, returnValue: RETURN_CODE.failed, hresult: CANCELLED };
    case 'refused':
    case 'failed': {
      const { kind, message, path, hresult } = outcome.error;
      return { ...line, returnValue: returnCodeOf(outcome.error), hresult, error: { kind, message, path } };
    }
  }
};

const diskJson = (disk: ConvertedDisk): NonNullable<ConvertResultLine['disk']> => ({
  format: disk.format,
  type: disk.type,
  virtualSize: disk.virtualSizeBytes,
  blockSize: disk.blockSizeBytes,
  logicalSectorSize: disk.logicalSectorSize,
  identity: disk.identity,
  digest: disk.digest,
  verified: disk.readBackFrom,
  bytesRead: disk.bytesRead,
});

const READ_BACK: Readonly<Record<ConvertedDisk['readBackFrom'], string>> = {
  device: 'read back from the device and compared',
  'page-cache':
    'read back and compared, out of the page cache: this file system has nothing below it that could be asked',
  nowhere: 'not read back (--verify none)',
};

export const convertedText = ({
  path,
  format,
  type,
  virtualSizeBytes,
  digest,
  readBackFrom,
}: ConvertedDisk): readonly string[] => [
  `Made ${printable(path)}: a ${format === 'raw' ? '' : `${type} `}${format === 'raw' ? 'raw disk' : format.toUpperCase()} of ${inUnits(virtualSizeBytes)}.`,
  `It shows ${digest}; ${READ_BACK[readBackFrom]}.`,
];
