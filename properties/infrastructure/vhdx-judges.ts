/**
 * Who judges a VHDX that the built program has worked on: the program itself, the plain reader and checker, and QEMU where it is there.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { VhdxComplaintKind } from '../models/plain-vhdx-check.js';
import {
  checkPlainVhdx,
  followVhdxChain,
  openPlainVhdx,
  openVhdxChain,
  vhdxGuestSha256,
} from '../models/plain-vhdx.js';
import { qemuOrReason, qemuRawSha256 } from '../qemu.js';
import { type Ended, resultOf, run } from './built-program.js';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The journal lies in a folder of its own, so that images can be looked at file by file. */
export const mergeVhdx = (source: string, destination: string, journal: string, ...more: string[]): Promise<Ended> =>
  run(['merge', source, destination, '--journal', journal, '--json', ...more]);

export const expectDone = (ended: Ended): Record<string, unknown> => {
  const result = resultOf(ended);
  expect([ended.code, result], ended.stderr).toMatchObject([
    0,
    { returnValue: 0, jobState: 7, hresult: 0, error: null },
  ]);
  return result;
};

export const programDigest = async (path: string): Promise<unknown> => {
  const ended = await run(['digest', path, '--json']);
  expect(ended.code, ended.stderr).toBe(0);
  return (JSON.parse(ended.stdout) as { sha256: string }).sha256;
};

/** What the plain reader sees of the chain below, and of one image that has no parent. */
export const modelDigest = (path: string): string => vhdxGuestSha256(followVhdxChain(path));
export const modelDigestAlone = (path: string): string => vhdxGuestSha256(openVhdxChain([path]));

/**
 * Shows this, and is sound in every structure, with a clean log and both copies of everything the same. QEMU is one more judge where
 * it can be: of images without a parent, in sectors of 512 bytes.
 */
export const expectShows = async (
  path: string,
  guestSha256: string,
  mayComplain?: VhdxComplaintKind,
): Promise<void> => {
  const chain = followVhdxChain(path);
  expect(vhdxGuestSha256(chain)).toBe(guestSha256);
  const [digest, validated] = await Promise.all([programDigest(path), run(['validate', path, '--json'])]);
  expect(digest).toBe(guestSha256);
  expect([validated.code, JSON.parse(validated.stdout)], validated.stderr).toMatchObject([
    0,
    { valid: true, error: null },
  ]);
  expectSound(path, mayComplain);
  if (chain.length === 1 && chain[0]!.logicalSectorBytes === 512 && typeof qemuOrReason() !== 'string')
    expect(await qemuRawSha256(path)).toBe(guestSha256);
};

/** The plain checker has no complaint, and QEMU none either. */
export const expectSound = (path: string, mayComplain?: VhdxComplaintKind): void => {
  expect(checkPlainVhdx(path).filter(({ kind }) => kind !== mayComplain)).toEqual([]);
  const { parent, logicalSectorBytes } = openPlainVhdx(path);
  if (parent === undefined && logicalSectorBytes === 512 && typeof qemuOrReason() !== 'string')
    expect(qemuCheck(path)).toContain('No errors were found');
};

/** What `qemu-img check` says; throws when it finds errors. With `-r all` it replays a dirty log. */
export const qemuCheck = (path: string, ...more: string[]): string =>
  execFileSync('qemu-img', ['check', ...more, '-f', 'vhdx', path], { encoding: 'utf8', stdio: 'pipe' });

/** Size, content and every time that a write would change. */
export const fingerprint = (path: string): string => {
  const { mode, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
  return `${path} ${mode} ${size} ${mtimeNs} ${ctimeNs} ${sha256(readFileSync(path))}`;
};

/** The same of everything in the folder. */
export const fingerprints = (folder: string): readonly string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => fingerprint(join(folder, name)));
