/** A raw disk whose sectors say what they are: a wrong, lost or misplaced one can be read off. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, ftruncateSync, openSync, writeSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';

export const MIB = 1024 * 1024;
const SECTOR_BYTES = 512;

/** An empty raw disk: all zeros. */
export const makeRawDisk = (path: string, sizeBytes: number): void => {
  const file = openSync(path, 'wx');
  ftruncateSync(file, sizeBytes);
  closeSync(file);
};

/** Fills the mebibytes `from` to `to` (exclusive) with sectors that read `<writer>, sector <number>`. */
export const paint = (path: string, writer: string, from: number, to: number): void => {
  const file = openSync(path, 'r+');
  for (let mebibyte = from; mebibyte < to; mebibyte++)
    writeSync(file, painted(writer, mebibyte), 0, MIB, mebibyte * MIB);
  closeSync(file);
};

const painted = (writer: string, mebibyte: number): Buffer => {
  const bytes = Buffer.alloc(MIB);
  for (let offset = 0; offset < MIB; offset += SECTOR_BYTES)
    bytes.write(`${writer}, sector ${(mebibyte * MIB + offset) / SECTOR_BYTES}`, offset);
  return bytes;
};

export const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};
