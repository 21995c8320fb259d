import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { run } from './built-program.js';
import { fingerprint, modelDigest, programDigest } from './vhdx-judges.js';

/** The large VHDX images that others wrote, read by the built program (CHAINFOLD_BIN). */
describeWithCorpus('large VHDX images that others wrote', (corpus) => {
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
});
