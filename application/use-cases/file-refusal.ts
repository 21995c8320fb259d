import { mergeError, type MergeError } from '#domain/merge-error';
import { err, type Result } from '#domain/result';
import { FileSystemFault, type FileSystemFaultCode } from '../ports/file-system.js';
import { unreachable } from '#domain/unreachable';

/**
 * Runs `work`; a fault of the file system comes back as a refusal. For use cases that look at files or make new ones: a merge has
 * its own words for the same faults, because there something is under way.
 */
export const refusingFaults = async <T>(work: () => Promise<Result<T, MergeError>>): Promise<Result<T, MergeError>> => {
  try {
    return await work();
  } catch (fault) {
    if (!(fault instanceof FileSystemFault)) throw fault;
    return err(refusalOfFault(fault));
  }
};

const refusalOfFault = (fault: FileSystemFault): MergeError => {
  const { path } = fault;
  const code: FileSystemFaultCode = fault.code;
  switch (code) {
    case 'not-found':
      return mergeError('file-not-found', 'there is no such file or folder', { path, todo: 'Check the path.' });
    case 'exists':
      return fileExists(path);
    case 'not-a-file':
      return mergeError('invalid-parameter', 'this is not a regular file', {
        path,
        expected: 'a file',
        found: 'a folder, a device or something else',
        todo: 'Name the file itself.',
      });
    case 'access-denied':
    case 'read-only':
      return mergeError('access-denied', `this user may not ${fault.operation} it`, {
        path,
        found: fault.message,
        todo: 'Run as a user who has the right, and check that the file system is not mounted read-only.',
      });
    case 'out-of-space':
      return mergeError('out-of-space', 'the file system is full', {
        path,
        found: fault.message,
        todo: 'Make room, then try again.',
      });
    case 'cross-device':
    case 'io':
      return mergeError('io-failed', `the operating system could not ${fault.operation} it`, {
        path,
        found: fault.message,
        todo: 'Check the storage, then try again.',
      });
    default:
      return unreachable(code);
  }
};

export const fileExists = (path: string): MergeError =>
  mergeError('invalid-parameter', 'there is a file of this name already', {
    path,
    expected: 'a name that is free: no file is ever replaced',
    found: 'a file',
    todo: 'Choose another name, or move that file away first.',
  });
