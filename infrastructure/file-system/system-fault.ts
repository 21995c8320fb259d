import { constants } from 'node:os';
import { FileSystemFault, type FileSystemFaultCode } from '#application/ports/file-system';

/**
 * The operating system's error in the port's words, the original kept as `cause`. A name that no file can have (too long, with a NUL)
 * is `not-found`: such a path comes out of images, and "there is no such file" is the true answer.
 */
export const faultOf = (operation: string, path: string, error: unknown): FileSystemFault =>
  error instanceof FileSystemFault ? error : new FileSystemFault(codeOf(error), operation, path, { cause: error });

const CODES: Readonly<Record<string, FileSystemFaultCode>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  ENAMETOOLONG: 'not-found',
  ERR_INVALID_ARG_VALUE: 'not-found',
  EACCES: 'access-denied',
  EPERM: 'access-denied',
  EBUSY: 'access-denied',
  ETXTBSY: 'access-denied',
  EEXIST: 'exists',
  ELOOP: 'not-a-file',
  EISDIR: 'not-a-file',
  ENXIO: 'not-a-file',
  ENODEV: 'not-a-file',
  ENOSPC: 'out-of-space',
  EFBIG: 'out-of-space',
  EROFS: 'read-only',
  EXDEV: 'cross-device',
};

const codeOf = (error: unknown): FileSystemFaultCode => {
  // libuv has no name for EDQUOT: Node reports it as "Unknown system error", with the right number.
  if (errnoOf(error) === -constants.errno.EDQUOT) return 'out-of-space';
  return CODES[systemCodeOf(error) ?? ''] ?? 'io';
};

/** `ENOENT` and its like, or null when the error is not the operating system's. */
export const systemCodeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

const errnoOf = (error: unknown): number | null =>
  error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? error.errno : null;
