import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePlainVhd } from '../models/plain-vhd.js';
import { vhdChecksum } from '../models/plain-vhd-layout.js';

/** A VHD whose words about its parent are whatever a test likes. */

const BLOCK_BYTES = 4096;

/** The n-th identity. */
export const id = (n: number): string => `bbbbbbbb-0000-4000-8000-00000000000${String(n)}`;

const common = { dialect: 'bare', sizeBytes: 2 * BLOCK_BYTES, blockSizeBytes: BLOCK_BYTES, timeStamp: 7 } as const;

export const writeBase = (path: string, uniqueId: string): void => {
  const block = { bits: Array.from({ length: 8 }, () => true), data: new Uint8Array(BLOCK_BYTES).fill(7) };
  writePlainVhd(path, { ...common, type: 'dynamic', uniqueId, blocks: new Map([[0, block]]) });
};

export type StoredLocator = { readonly code: 'W2ru' | 'W2ku' | 'MacX'; readonly payload: Uint8Array };

/** As W2ru and W2ku hold it; a lone surrogate stays one. */
export const utf16 = (path: string): Uint8Array => Buffer.from(path, 'utf16le');

export type ChildSpec = {
  readonly uniqueId: string;
  readonly parentId: string;
  readonly locator: StoredLocator | null;
  /** The Parent Unicode Name; without it there is none. */
  readonly name?: string;
};

const HEADER = 512;
const FOOTER_BYTES = 512;

/** The locator's payload lies before the footer at the end. */
export const writeChild = (path: string, { uniqueId, parentId, locator, name = '' }: ChildSpec): void => {
  const block = { bits: Array.from({ length: 8 }, (_, n) => n === 1), data: new Uint8Array(BLOCK_BYTES).fill(9) };
  const parent = { uniqueId: parentId, fileName: name, timeStamp: 7 };
  writePlainVhd(path, { ...common, type: 'differencing', uniqueId, parent, blocks: new Map([[1, block]]) });
  if (locator === null) return;
  const plain = readFileSync(path);
  const end = plain.length - FOOTER_BYTES;
  const space = Math.ceil(locator.payload.length / 512) * 512;
  const bytes = Buffer.concat([plain.subarray(0, end), Buffer.alloc(space), plain.subarray(end)]);
  bytes.set(locator.payload, end);
  const entry = HEADER + 576;
  bytes.write(locator.code, entry, 'latin1');
  bytes.writeUInt32BE(space, entry + 4);
  bytes.writeUInt32BE(locator.payload.length, entry + 8);
  bytes.writeBigUInt64BE(BigInt(end), entry + 16);
  bytes.writeUInt32BE(0, HEADER + 36);
  bytes.writeUInt32BE(vhdChecksum(bytes.subarray(HEADER, HEADER + 1024), 36), HEADER + 36);
  writeFileSync(path, bytes);
};

/** Everything that can be told of the files in a folder and those below: a refusal changes none of it. Access times are not meant. */
export const everythingIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const { ino, size, mtimeNs, ctimeNs, mode, nlink } = lstatSync(path, { bigint: true });
    const bytes = entry.isFile() ? readFileSync(path).toString('base64') : '';
    const told = [entry.name, ino, size, mtimeNs, ctimeNs, mode, nlink, bytes].join(' ');
    return [told, ...(entry.isDirectory() ? everythingIn(path) : [])];
  });
