import { FileSystemFault, type FileSpace } from '#application/ports/file-system';
import type { MemoryFile } from './memory-file.js';

export type SpaceOptions = {
  /** Bytes behind a file's end that can be set aside; more is `out-of-space`. */
  readonly reservableBytes?: number;
  /** A file system that cannot set space aside. */
  readonly cannotReserve?: boolean;
};

type SpaceCall = { readonly operation: 'reserve' | 'giveBack'; readonly path: string; readonly position?: number };

/** The space of a file of the simulated disk, which is all there: it has no holes. `call` counts a call, and may fail it. */
export const memorySpace = (
  path: string,
  file: MemoryFile,
  { reservableBytes = Infinity, cannotReserve = false }: SpaceOptions,
  call: (call: SpaceCall) => void,
): FileSpace => ({
  allocatedBytes: async () => file.size + file.reservedBehindEnd,
  stretchAt: async (position) => (position < file.size ? { kind: 'data', endBytes: file.size } : null),
  reserve: async (position, length) => {
    if (cannotReserve) return 'unsupported';
    call({ operation: 'reserve', path, position });
    const behindEnd = Math.max(0, position + length - file.size);
    if (behindEnd > reservableBytes) throw new FileSystemFault('out-of-space', 'reserve', path);
    file.reservedBehindEnd = behindEnd;
    return 'reserved';
  },
  giveBack: async () => {
    call({ operation: 'giveBack', path });
    file.reservedBehindEnd = 0;
  },
});
