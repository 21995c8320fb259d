import type * as Koffi from 'koffi';

/**
 * The few system calls that Node lacks, through the optional package `koffi`. Linux on x64 and arm64 only: the layouts below are theirs
 * (64-bit, little-endian), and macOS and Windows do these things by other means.
 *
 * Calls answer with an errno, 0 for success, as `posix_fadvise` does. They are synchronous where the kernel answers in microseconds;
 * dropping pages takes 16 ms for each GiB of cached pages and runs on another thread.
 */
export interface NativeCalls {
  /** flock(2), without waiting: `EWOULDBLOCK` when another open file description has it. Vanishes with the last descriptor. */
  flock(fd: number, operation: FlockOperation): number;
  /** An open-file-description lock of one byte: belongs to the descriptor's open file, not to the process. `EAGAIN` on a conflict. */
  setByteLock(fd: number, byte: number, lock: 'shared' | 'none'): number;
  /** Does anybody else hold a lock of any kind on this byte? What was taken through this very descriptor is no conflict. */
  byteIsLockedByOthers(fd: number, byte: number): boolean;
  /** Drops the clean pages of the file. Dirty ones are written first, and not every page need go: ask afterwards. */
  dropPages(fd: number): Promise<number>;
  /** Pages of the file in the cache by cachestat(2), or null where the kernel has no answer (before 6.5; a file not ours). */
  cachedPages(fd: number): number | null;
  /**
   * fallocate(2) with FALLOC_FL_KEEP_SIZE, on another thread: a file system in memory clears every page. `EOPNOTSUPP` where the file
   * system cannot; after `ENOSPC` a part may be there.
   */
  allocateKeepingSize(fd: number, offset: number, length: number): Promise<number>;
  /** lseek(2) to the next data or hole at or after the offset; null behind the last (`ENXIO`). Moves the descriptor's own position. */
  seek(fd: number, offset: number, to: 'data' | 'hole'): number | null;
  /** The flags that `chattr` sets, as far as they keep everybody, root too, from changing a file or folder; null where none are told. */
  flagsOf(path: string | Buffer): { readonly immutable: boolean; readonly appendOnly: boolean } | null;
  /** Is any page of the range in the cache? By mincore(2) over a mapping that is never touched; null where it cannot be mapped. */
  anyPageResident(fd: number, offset: number, length: number): boolean | null;
}

export type FlockOperation = 'exclusive' | 'shared' | 'unlock';

/** The calls, or why there are none. */
export type NativeLoad =
  { readonly calls: NativeCalls; readonly missing: null } | { readonly calls: null; readonly missing: string };

let loading: Promise<NativeLoad> | null = null;

/** Loads `koffi` on first use and keeps the answer. Never throws: a host without it runs with less protection, and says so. */
export const loadNativeCalls = (): Promise<NativeLoad> => {
  loading ??= load();
  return loading;
};

const load = async (): Promise<NativeLoad> => {
  const host = `${process.platform} ${process.arch}`;
  if (host !== 'linux x64' && host !== 'linux arm64') {
    return {
      calls: null,
      missing: `the system calls for it are known on Linux x64 and arm64 only, and this is ${host}`,
    };
  }
  try {
    return { calls: bind(await import('koffi')), missing: null };
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0]! : 'for an unknown reason';
    return { calls: null, missing: `the optional package "koffi" could not be loaded (${why})` };
  }
};

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const FLOCK: Readonly<Record<FlockOperation, number>> = {
  exclusive: LOCK_EX | LOCK_NB,
  shared: LOCK_SH | LOCK_NB,
  unlock: LOCK_UN,
};

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

/** `struct flock`: l_type and l_whence (SEEK_SET) as 16 bits, l_start at 8 and l_len at 16 as 64, l_pid at 24, which must be 0. */
const lockOfByte = (type: number, byte: number): Buffer => {
  const lock = Buffer.alloc(32);
  lock.writeInt16LE(type, 0);
  lock.writeBigInt64LE(BigInt(byte), 8);
  lock.writeBigInt64LE(1n, 16);
  return lock;
};

const POSIX_FADV_DONTNEED = 4;
/** The same number on every architecture; glibc has no function for it. */
const SYS_CACHESTAT = 451;
const FALLOC_FL_KEEP_SIZE = 1;
const SEEK = { data: 3, hole: 4 } as const;
const ENXIO = 6;
const SYS_STATX = process.arch === 'arm64' ? 291 : 332;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** `struct statx`: 256 bytes, stx_attributes at 8. */
const STATX_BYTES = 256;
const STATX_ATTRIBUTES_OFFSET = 8;
const STATX_ATTR_IMMUTABLE = 0x10n;
const STATX_ATTR_APPEND = 0x20n;
const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const bind = (koffi: Pick<typeof Koffi, 'load' | 'errno'>): NativeCalls => {
  // The process itself: Node is linked to the C library, whichever one this host has.
  const process = koffi.load(null);
  const flock = process.func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;
  const fcntl = process.func('int fcntl(int fd, int command, ...)') as (
    fd: number,
    command: number,
    type: 'void *',
    lock: Buffer,
  ) => number;
  const fadvise = process.func('int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)');
  const systemCall = process.func('long syscall(long number, ...)') as (
    number: number,
    ...typesAndValues: readonly (string | number | Buffer)[]
  ) => number;
  const mmap = process.func(
    'uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)',
  ) as (
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => number | bigint;
  const munmap = process.func('int munmap(uintptr_t address, size_t length)') as (
    address: number | bigint,
    length: number,
  ) => number;
  const mincore = process.func('int mincore(uintptr_t address, size_t length, void *resident)') as (
    address: number | bigint,
    length: number,
    resident: Buffer,
  ) => number;
  const fallocate = process.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)');
  const lseek = process.func('int64_t lseek(int fd, int64_t offset, int whence)') as (
    fd: number,
    offset: number,
    whence: number,
  ) => number | bigint;
  const errnoOf = (result: number): number => (result < 0 ? koffi.errno() : 0);

  return {
    flock: (fd, operation) => errnoOf(flock(fd, FLOCK[operation])),
    setByteLock: (fd, byte, lock) =>
      errnoOf(fcntl(fd, F_OFD_SETLK, 'void *', lockOfByte(lock === 'shared' ? F_RDLCK : F_UNLCK, byte))),
    byteIsLockedByOthers: (fd, byte) => {
      const lock = lockOfByte(F_WRLCK, byte);
      const errno = errnoOf(fcntl(fd, F_OFD_GETLK, 'void *', lock));
      if (errno !== 0) throw new Error(`F_OFD_GETLK failed with errno ${String(errno)}`);
      return lock.readInt16LE(0) !== F_UNLCK;
    },
    dropPages: (fd) =>
      new Promise((resolve, reject) => {
        (
          fadvise.async as (
            ...values: readonly [number, number, number, number, (e: Error | null, r: number) => void]
          ) => void
        )(fd, 0, 0, POSIX_FADV_DONTNEED, (error, errno) => {
          if (error === null) resolve(errno);
          else reject(error);
        });
      }),
    cachedPages: (fd) => {
      const wholeFile = Buffer.alloc(16);
      const counts = Buffer.alloc(40);
      const result = systemCall(SYS_CACHESTAT, 'int', fd, 'void *', wholeFile, 'void *', counts, 'unsigned int', 0);
      return errnoOf(result) === 0 ? Number(counts.readBigUInt64LE(0)) : null;
    },
    allocateKeepingSize: (fd, offset, length) =>
      new Promise((resolve, reject) => {
        (
          fallocate.async as (
            ...values: readonly [number, number, number, number, (e: Error | null, r: number) => void]
          ) => void
        )(fd, FALLOC_FL_KEEP_SIZE, offset, length, (error, result) => {
          // `koffi` brings the errno over from the thread that made the call.
          if (error === null) resolve(errnoOf(result));
          else reject(error);
        });
      }),
    seek: (fd, offset, to) => {
      const found = Number(lseek(fd, offset, SEEK[to]));
      const errno = errnoOf(found);
      if (errno === 0) return found;
      if (errno === ENXIO) return null;
      throw new Error(`lseek failed with errno ${String(errno)}`);
    },
    flagsOf: (path) => {
      const name = Buffer.concat([Buffer.from(path), Buffer.alloc(1)]);
      const found = Buffer.alloc(STATX_BYTES);
      const result = systemCall(
        SYS_STATX,
        ...['int', AT_FDCWD, 'void *', name, 'int', AT_SYMLINK_NOFOLLOW, 'unsigned int', 0, 'void *', found],
      );
      if (errnoOf(result) !== 0) return null;
      const attributes = found.readBigUInt64LE(STATX_ATTRIBUTES_OFFSET);
      return {
        immutable: (attributes & STATX_ATTR_IMMUTABLE) !== 0n,
        appendOnly: (attributes & STATX_ATTR_APPEND) !== 0n,
      };
    },
    anyPageResident: (fd, offset, length) => {
      const address = mmap(0, length, PROT_READ, MAP_SHARED, fd, offset);
      if (BigInt(address) === MAP_FAILED) return null;
      const resident = Buffer.alloc(Math.ceil(length / SMALLEST_PAGE_BYTES));
      const errno = errnoOf(mincore(address, length, resident));
      const unmapped = errnoOf(munmap(address, length));
      if (unmapped !== 0) throw new Error(`munmap failed with errno ${String(unmapped)}`);
      return errno === 0 ? resident.includes(1) : null;
    },
  };
};

/** Pages may be larger (arm64): then the rest of the answer stays 0. */
const SMALLEST_PAGE_BYTES = 4096;
