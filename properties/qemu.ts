/**
 * qemu-img as an outside judge of single images, and of a base after a merge. Where it is missing the tests say what they leave out.
 *
 * It must never judge a differencing VHD: it opens one as if there were no parent, and ignores the bitmaps (FORMATS.md §0).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, test } from 'vitest';

export type QemuInfo = {
  readonly format: string;
  readonly virtualSizeBytes: number;
};

/** The version of the qemu-img on PATH, or a sentence about why it cannot be used. */
export const qemuOrReason = (): { readonly version: string } | string => {
  try {
    const version = /version ([\d.]+)/.exec(qemuImg('--version'))?.[1];
    return version === undefined ? 'qemu-img does not say its version' : { version };
  } catch (error) {
    return `qemu-img cannot be run: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** `describe` for tests that ask qemu-img; without it, a skipped test that says what was left out. */
export const describeWithQemu = (title: string, tests: () => void): void => {
  const qemu = qemuOrReason();
  describe(title, () => {
    if (typeof qemu === 'string') {
      console.warn(`left out: ${title}: ${qemu}`);
      test.skip(`left out: ${qemu}`);
    } else tests();
  });
};

/** Throws with qemu-img's own words when it refuses the image. */
export const qemuInfo = (path: string): QemuInfo => {
  const info = JSON.parse(qemuImg('info', '--output=json', '--image-opts', imageOptions(path))) as {
    readonly format: string;
    readonly 'virtual-size': number;
  };
  return { format: info.format, virtualSizeBytes: info['virtual-size'] };
};

/** SHA-256 in hex of every byte of the virtual disk, as qemu-img converts it. */
export const qemuRawSha256 = (path: string): Promise<string> =>
  withRawCopy(path, async (raw) => {
    const hash = createHash('sha256');
    await pipeline(createReadStream(raw), hash);
    return hash.digest('hex');
  });

/** Converts into a scratch file, which is gone when `use` has ended. */
export const withRawCopy = async <T>(path: string, use: (rawPath: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'chainfold-qemu-'));
  try {
    const raw = join(folder, 'disk.raw');
    qemuImg('convert', '-O', 'raw', '--image-opts', imageOptions(path), raw);
    return await use(raw);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Without force_size_calc QEMU sizes the VHDs of some creators by their geometry (FORMATS.md A2). A comma in a value is doubled. */
const imageOptions = (path: string): string => {
  const file = `file.filename=${path.replaceAll(',', ',,')}`;
  return path.toLowerCase().endsWith('x') ? `driver=vhdx,${file}` : `driver=vpc,force_size_calc=current_size,${file}`;
};

const qemuImg = (...args: readonly string[]): string =>
  execFileSync('qemu-img', args, { encoding: 'utf8', stdio: 'pipe' });
