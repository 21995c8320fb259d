/** One line of /proc/locks, or of a descriptor's fdinfo. */
export interface KernelLock {
  readonly kind: 'flock' | 'bytes';
  readonly exclusive: boolean;
  /** Null for locks of an open file (the kernel writes -1) and for processes of another PID name space (0). */
  readonly pid: number | null;
  /** `fe:00:1234`: device in hexadecimal, inode in decimal. */
  readonly file: string;
  readonly start: number;
  /** The last byte, inclusive; infinite for a lock up to the end of the file. */
  readonly end: number;
  /** The line without its ordinal: equal for the same lock in both places. */
  readonly text: string;
}

/** `12: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`. Null for leases, for waiters (`12: -> …`) and for what is no lock. */
export const kernelLockOf = (line: string): KernelLock | null => {
  const fields = /^\d+: (FLOCK|OFDLCK|POSIX)\s+\S+\s+(READ|WRITE)\s+(-?\d+) (\S+) (\d+) (\d+|EOF)/.exec(line);
  if (fields === null) return null;
  const [, kind, access, pid, file, start, end] = fields;
  return {
    kind: kind === 'FLOCK' ? 'flock' : 'bytes',
    exclusive: access === 'WRITE',
    pid: Number(pid) > 0 ? Number(pid) : null,
    file: file!,
    start: Number(start),
    end: end === 'EOF' ? Infinity : Number(end),
    text: line.replace(/^\d+: /, '').trimEnd(),
  };
};
