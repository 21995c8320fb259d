import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { LONGEST_LINE_BYTES } from '#application/journal/trail-lines';
import { NodeFileSystem } from '../file-system/node-file-system.js';
import { linesOf, trailFile, writeTrailFile } from './trail-file.js';

const files = new NodeFileSystem();
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chainfold-trail-'));
});

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

const lines = async (text: string | Uint8Array, size = 3): Promise<string[]> => {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  return await all(linesOf(chunked(bytes, size)));
};

const all = async (of: AsyncIterable<string>): Promise<string[]> => {
  const found: string[] = [];
  for await (const line of of) found.push(line);
  return found;
};

async function* given(of: readonly string[]): AsyncGenerator<string> {
  for (const line of of) yield await Promise.resolve(line);
}

describe('the lines of a trail', () => {
  test.each([1, 2, 3, 5, 100])('are the same in whatever pieces of %i bytes they come', async (size) => {
    expect(await lines('ä\n\n𝄞 two\nthree\n', size)).toEqual(['ä', '', '𝄞 two', 'three']);
  });

  test('keep a byte order mark and a carriage return, which no line of ours has', async () => {
    expect(await lines('\ufeffa\r\nb\n')).toEqual(['\ufeffa\r', 'b']);
  });

  test.each<[string, Uint8Array | string, string]>([
    ['without the last line end', 'a\nb', 'Line 2 of the trail has no line end'],
    ['with a byte that is no UTF-8', Buffer.from([0x61, 0x0a, 0xff, 0x0a]), 'Line 2 of the trail is not UTF-8'],
    ['with a character cut in two', Buffer.from([0xc3, 0x0a, 0xa4, 0x0a]), 'Line 1 of the trail is not UTF-8'],
    ['with a surrogate', Buffer.from([0xed, 0xa0, 0x80, 0x0a]), 'Line 1 of the trail is not UTF-8'],
  ])('%s are none', async (_, bytes, message) => {
    await expect(lines(bytes)).rejects.toThrow(message);
  });

  test('are no longer than one can be: the next byte ends it, with or without a line end', async () => {
    const longest = Buffer.alloc(LONGEST_LINE_BYTES, 0x61);
    const end = Buffer.from('\n');
    expect((await lines(Buffer.concat([longest, end]), 1 << 20))[0]).toHaveLength(LONGEST_LINE_BYTES);
    for (const tail of ['b', 'b\n'])
      await expect(lines(Buffer.concat([longest, Buffer.from(tail)]), 1 << 20)).rejects.toThrow(
        'Line 1 of the trail is longer',
      );
  });
});

describe('a trail file', () => {
  test('reads as the lines that were written, as often as one likes', async () => {
    const path = join(folder, 'trail.ndjson');
    const written = Array.from({ length: 5000 }, (_, index) => `${String(index)} ${'ä'.repeat(index % 100)}`);
    await writeTrailFile(files, { path, unfinishedPath: join(folder, '.part') }, given(written));
    const { lines: read } = trailFile(files, path);
    expect(await all(read())).toEqual(written);
    expect(await all(read())).toEqual(written);
    expect(await readdir(folder)).toEqual(['trail.ndjson']);
  });

  test('never replaces a file', async () => {
    const path = join(folder, 'trail.ndjson');
    await writeFile(path, 'mine');
    const writing = writeTrailFile(files, { path, unfinishedPath: join(folder, '.part') }, given(['a']));
    await expect(writing).rejects.toThrow('exists');
    expect(await readFile(path, 'utf8')).toBe('mine');
    expect(await readdir(folder)).toEqual(['trail.ndjson']);
  });

  test('that cannot be written to its end leaves nothing', async () => {
    async function* breaking(): AsyncGenerator<string> {
      yield await Promise.resolve('a');
      throw new Error('the journal went away');
    }
    const path = join(folder, 'trail.ndjson');
    const writing = writeTrailFile(files, { path, unfinishedPath: join(folder, '.part') }, breaking());
    await expect(writing).rejects.toThrow('the journal went away');
    expect(await readdir(folder)).toEqual([]);
  });
});
