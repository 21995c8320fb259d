import { nameCalls } from './file-calls.js';
import { faultOf } from './system-fault.js';

/** SMB mounts of Linux: smb, cifs, smb2. Locks that we take there are mandatory on the server, for our own other descriptors as well. */
const SMB_TYPES: ReadonlySet<bigint> = new Set([0x517bn, 0xff534d42n, 0xfe534d42n]);

export const hasMandatoryLocks = async (path: string): Promise<boolean> => {
  try {
    const { type } = await nameCalls.statfs(path);
    return process.platform === 'linux' && SMB_TYPES.has(BigInt.asUintN(32, type));
  } catch (error) {
    throw faultOf('look at', path, error);
  }
};
