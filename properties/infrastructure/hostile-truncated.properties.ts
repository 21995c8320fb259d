/** Files that end anywhere, and files that nobody may write: CRASH-TESTS.md 4.5, blktap#436 and cloud-hypervisor#6844. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FormatImages } from '../../infrastructure/disk-image/format-images.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { childVhd, damagedVhd, dynamicVhd } from '../models/plain-vhd-damage.js';
import { fileSource, type PlainImage, writeImage } from '../models/plain-vhd.js';
import { child, damagedImage, dirty, inHeader, nothing } from '../models/plain-vhdx-damage.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { answerOf, countingFiles, HOSTILE_PATH } from './hostile-file.js';
import { loggedEntry, u64 } from './hostile-vhdx-damages.js';
import { LOG_CASES } from './hostile-log-cases.js';
import { VHD_ROWS } from './hostile-vhd-rows.js';

const NEW_GUID = 'c4a10f01-d000-4000-8000-0000000000bb';

const answersTo = async (contents: Iterable<PlainImage>): Promise<ReadonlyMap<string, number>> => {
  const answers = new Map<string, number>();
  for (const content of contents) {
    const { files } = countingFiles();
    files.put(HOSTILE_PATH, content);
    const images = new FormatImages(files, 'posix', () => NEW_GUID);
    const image = await images.open(HOSTILE_PATH);
    const answer = image.ok ? 'opened' : answerOf(image.error);
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
    await images.probe(HOSTILE_PATH);
    expect(files.calls).toEqual([]);
  }
  return answers;
};

function* cutAt(whole: PlainImage, from: number, to: number): Generator<PlainImage> {
  for (let sizeBytes = from; sizeBytes < to; sizeBytes += 1) {
    const extents = whole.extents
      .filter(({ offsetBytes }) => offsetBytes < sizeBytes)
      .map(({ offsetBytes, bytes }) => ({ offsetBytes, bytes: bytes.subarray(0, sizeBytes - offsetBytes) }));
    yield { sizeBytes, extents };
  }
}

describe('a file that was cut', () => {
  test('at any of its first 4096 bytes is refused: VHD', async () => {
    for (const spec of [dynamicVhd, childVhd]) {
      const answers = await answersTo(cutAt(damagedVhd(spec), 0, 4096));
      expect([...answers.values()].reduce((sum, count) => sum + count, 0)).toBe(4096);
      expect([...answers.keys()]).not.toContain('opened');
      // Shorter than any footer; no room for a table. What follows depends on the table.
      expect([...answers.keys()]).toEqual(expect.arrayContaining(['not-a-virtual-disk', 'too-small']));
    }
  });

  test('at any of its first 4096 bytes is refused: VHDX', async () => {
    const answers = await answersTo(cutAt(damagedImage(child, nothing), 0, 4096));
    expect(Object.fromEntries(answers)).toEqual({ 'not-a-virtual-disk': 8, 'too-small': 4088 });
  });
});

/** With its answer, its bytes and its times as they were. */
const opened = async (path: string): Promise<string> => {
  const before = statSync(path, { bigint: true });
  const image = await new FormatImages(new NodeFileSystem(), 'posix', () => NEW_GUID).open(path);
  if (image.ok) {
    await image.value.inspect();
    await image.value.validate();
    await image.value.close();
  }
  const { mtimeNs, ctimeNs, size, blocks } = statSync(path, { bigint: true });
  expect({ mtimeNs, ctimeNs, size, blocks }).toEqual({
    mtimeNs: before.mtimeNs,
    ctimeNs: before.ctimeNs,
    size: before.size,
    blocks: before.blocks,
  });
  return image.ok ? 'opened' : answerOf(image.error);
};

/** The file is mostly holes, and has as many blocks as before. */
const isAsWritten = (path: string, { extents, sizeBytes }: PlainImage): boolean => {
  const source = fileSource(path);
  return (
    source.sizeBytes === sizeBytes &&
    extents.every(({ offsetBytes, bytes }) => source.read(offsetBytes, bytes.length).equals(bytes))
  );
};

const mayBeImmutable = (path: string): boolean => {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('chattr', ['+i', path], { stdio: 'ignore' });
    return true;
  } catch {
    // No such program, or a file system without the flag: what is left out is said below.
    return false;
  }
};

describe('a real file that nobody may write', () => {
  const folder = scratchFolder();

  test('is read and refused all the same, and is the same afterwards', async ({ annotate }) => {
    const cases = [...LOG_CASES.slice(0, 8), ...Object.values(VHD_ROWS).flatMap((row) => row.slice(0, 1))];
    let left = 0;
    for (const [n, { file, answer }] of cases.entries()) {
      const path = join(folder(), String(n));
      const content = file();
      writeImage(path, content);
      const isImmutable = mayBeImmutable(path);
      if (!isImmutable) left += 1;
      try {
        expect(await opened(path)).toBe(answer);
        expect(isAsWritten(path, content)).toBe(true);
      } finally {
        if (isImmutable) execFileSync('chattr', ['-i', path]);
      }
    }
    if (left > 0)
      await annotate(`${left} files were not made immutable: it takes root and a file system with the flag`);
  });
});

describe('a file with the last sequence numbers', () => {
  const last = 2n ** 64n - 1n;
  const files = countingFiles().files;
  const images = new FormatImages(files, 'posix', () => NEW_GUID);

  test('in its header is read, but never written to', async () => {
    files.put(HOSTILE_PATH, damagedImage(child, inHeader(u64(last, 8))));
    expect((await images.open(HOSTILE_PATH)).ok).toBe(true);
    const destination = await images.openDestination(HOSTILE_PATH);
    expect(destination.ok ? 'opened' : destination.error.kind).toBe('format-not-supported');
    expect(files.calls).toEqual([]);
  });

  test('in its log is read, and written to only in a session of its own', async () => {
    files.put(HOSTILE_PATH, damagedImage(dirty, loggedEntry({ zeros: [], sequence: last })));
    expect((await images.open(HOSTILE_PATH)).ok).toBe(true);
    expect((await images.openDestination(HOSTILE_PATH)).ok).toBe(true);
    expect(files.calls).toEqual([]);
  });
});
