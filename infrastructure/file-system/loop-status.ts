import * as fs from 'node:fs';
import type { FileIdentity } from '#domain/chain/image-description';
import { look } from './proc-files.js';

/** What the driver says of a loop device: the file below it as `stat` names it, by whatever name it goes now, or by none. */
export interface LoopStatus extends Pick<FileIdentity, 'dev' | 'ino'> {
  readonly readOnly: boolean;
}

export type AskLoop = (device: string) => LoopStatus | null;

/** LOOP_GET_STATUS64, and of `struct loop_info64` the size and the fields lo_device, lo_inode, lo_flags (linux/loop.h). */
const LOOP_GET_STATUS64 = 0x4c05;
const STRUCT_BYTES = 232;
const DEVICE_AT = 0;
const INODE_AT = 8;
const FLAGS_AT = 52;
const LO_FLAGS_READ_ONLY = 1;

/**
 * Asks through `koffi`; null where that is not here (`native-calls.ts` says when) or this user may not open the device. Opening one for
 * reading changes nothing: it neither starts nor ends what the device does.
 */
export const loopAsker = async (): Promise<AskLoop> => {
  if (process.platform !== 'linux') return () => null;
  const ioctl = await loadIoctl();
  if (ioctl === null) return () => null;
  return (device) => {
    const fd = look(() => fs.openSync(device, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)).seen;
    if (fd === null) return null;
    try {
      const status = Buffer.alloc(STRUCT_BYTES);
      return ioctl(fd, LOOP_GET_STATUS64, 'void *', status) === 0 ? statusIn(status) : null;
    } finally {
      fs.closeSync(fd);
    }
  };
};

const statusIn = (status: Buffer): LoopStatus => ({
  dev: status.readBigUInt64LE(DEVICE_AT).toString(),
  ino: status.readBigUInt64LE(INODE_AT).toString(),
  readOnly: (status.readUInt32LE(FLAGS_AT) & LO_FLAGS_READ_ONLY) !== 0,
});

type Ioctl = (fd: number, request: number, type: 'void *', argument: Buffer) => number;

const loadIoctl = async (): Promise<Ioctl | null> => {
  const { loadNativeCalls } = await import('./native-calls.js');
  if ((await loadNativeCalls()).calls === null) return null;
  const koffi = await import('koffi');
  return koffi.load(null).func('int ioctl(int fd, unsigned long request, ...)') as Ioctl;
};
