import { closeSync, ftruncateSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { followVhdxChain, vhdxGuestRange } from '../models/plain-vhdx.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { run } from './built-program.js';
import { expectDone, expectShows, fingerprint, mergeVhdx, modelDigest, programDigest } from './vhdx-judges.js';

/** The VHDX images that others wrote and that take long, by the built program (CHAINFOLD_BIN). */
describeWithCorpus('VHDX images that others wrote and that take long', (corpus) => {
  const scratch = scratchFolder();

  test.each(['swap.vhdx', 'test-disk2vhd.vhdx', 'lvm2.vhdx'])(
    '%s reads with its hash, is sound, and stays as it is',
    async (name) => {
      const [path] = (await corpus.unpack([name], mkdtempSync(join(scratch(), 'c-')))) as [string];
      const before = fingerprint(path);
      const expected = corpus.image(name).guestSha256;
      expect([await programDigest(path), modelDigest(path)]).toEqual([expected, expected]);
      expect((await run(['validate', path])).code).toBe(0);
      expect(fingerprint(path)).toBe(before);
    },
  );

  test('the one with a dirty log, which Windows left, takes a merge', async () => {
    const folder = mkdtempSync(join(scratch(), 'c-'));
    const [base] = (await corpus.unpack(['vhdx-log-replay.vhdx'], folder)) as [string];
    const before = fingerprint(base);
    const expected = corpus.image('vhdx-log-replay.vhdx').guestSha256;
    const child = `${base}.child.vhdx`;
    const changed = `${base}.raw`;
    // What the disk shows with four sectors changed, in two of its blocks and in one that it does not have.
    writeChanged(base, changed);
    const made = await run(['diff', child, base, '--from', changed]);
    expect(made.code, made.stderr).toBe(0);
    expect(fingerprint(base)).toBe(before);
    const shown = modelDigest(child);
    expect(shown).not.toBe(expected);
    expect(await programDigest(child)).toBe(shown);

    expectDone(await mergeVhdx(child, base, join(mkdtempSync(join(scratch(), 'j-')), 'journal.db')));

    await expectShows(base, shown);
    expect(modelDigest(child)).toBe(shown);
  });
});

/** A raw file of what the image shows, with four sectors changed. */
const writeChanged = (image: string, raw: string): void => {
  const chain = followVhdxChain(image);
  const file = openSync(raw, 'wx');
  const sizeBytes = chain[0]!.sizeBytes;
  ftruncateSync(file, sizeBytes);
  const piece = 4 * 1024 * 1024;
  for (let at = 0; at < sizeBytes; at += piece) {
    const bytes = vhdxGuestRange(chain, at, Math.min(piece, sizeBytes - at));
    if (!Buffer.alloc(bytes.length).equals(bytes)) writeSync(file, bytes, 0, bytes.length, at);
  }
  for (const at of [0, 40 * 512, 40 * 1024 * 1024, sizeBytes - 512])
    writeSync(file, Buffer.alloc(512, 0x5a), 0, 512, at);
  closeSync(file);
};
