/**
 * Something that bytes are read from: a file, or what a simulated disk holds after a crash.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export type ByteSource = {
  readonly path: string;
  readonly sizeBytes: number;
  /** Exactly that many bytes; asking beyond the end is an error. */
  readonly read: (offsetBytes: number, lengthBytes: number) => Buffer;
};

/** A file. It is opened for each read only, so nothing needs to be closed and a removed file is noticed. */
export const fileSource = (path: string): ByteSource => ({
  path,
  sizeBytes: statSync(path).size,
  read: (offsetBytes, lengthBytes) => {
    const bytes = Buffer.alloc(lengthBytes);
    const file = openSync(path, 'r');
    try {
      for (let done = 0; done < lengthBytes;) {
        const got = readSync(file, bytes, done, lengthBytes - done, offsetBytes + done);
        if (got === 0) throw new Error(`${path} ends before byte ${offsetBytes + lengthBytes}`);
        done += got;
      }
    } finally {
      closeSync(file);
    }
    return bytes;
  },
});

/** A file's content in memory under the path it would have. */
export const bytesSource = (path: string, content: Uint8Array): ByteSource => ({
  path,
  sizeBytes: content.length,
  read: (offsetBytes, lengthBytes) => {
    if (offsetBytes + lengthBytes > content.length)
      throw new Error(`${path} ends before byte ${offsetBytes + lengthBytes}`);
    return Buffer.from(content.subarray(offsetBytes, offsetBytes + lengthBytes));
  },
});

/** Opens a file by path. */
export type OpenSource = (path: string) => ByteSource | undefined;

export const openFile: OpenSource = (path) =>
  statSync(path, { throwIfNoEntry: false }) ? fileSource(path) : undefined;

/** The path of a file in the folder that `path` is in. */
export const beside = (path: string, fileName: string): string => join(dirname(path), basename(fileName));
