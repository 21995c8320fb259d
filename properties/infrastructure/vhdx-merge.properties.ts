import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  checkPlainVhdx,
  followVhdxChain,
  openPlainVhdx,
  vhdxGuestBytes,
  vhdxGuestRange,
} from '../models/plain-vhdx.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { run } from './built-program.js';
import { contentOf, MIB, viewOf, writeDisks } from './vhdx-disks.js';
import { child, M } from './vhdx-merge-case.js';
import { LAYOUT_CASES } from './vhdx-merge-layout-cases.js';
import { SIZE_CASES } from './vhdx-merge-size-cases.js';
import { STATE_CASES } from './vhdx-merge-state-cases.js';
import { expectDone, expectShows, expectSound, fingerprint, mergeVhdx, programDigest, sha256 } from './vhdx-judges.js';

/** Chains written by hand, merged by the built program (CHAINFOLD_BIN): what every sector must show is spelled out. */

const CASES = [...STATE_CASES, ...SIZE_CASES, ...LAYOUT_CASES];

describe.concurrent(
  'a merge leaves the destination with every sector as the source showed it',
  { timeout: 120_000 },
  () => {
    const scratch = scratchFolder();

    test.each(CASES.map((given) => [given.title, given] as const))('%s', async (_, given) => {
      const folder = mkdtempSync(join(scratch(), 'm-'));
      const journal = join(mkdtempSync(join(scratch(), 'j-')), 'journal.db');
      const paths = writeDisks(folder, given);
      const into = given.into ?? paths.length - 1;
      const [source, destination] = [paths[0]!, paths[into]!];
      const sizeBytes = given.layers[0]!.sizeBytes;
      const view = viewOf(sizeBytes, given.sectorBytes, given.shows);
      expectSameBytes(vhdxGuestBytes(followVhdxChain(source)), view, 'the source, as the case describes it');
      expect(await programDigest(source)).toBe(sha256(view));
      const before = paths.slice(0, into - 1).map((path) => fingerprint(path));

      expectDone(await mergeVhdx(source, destination, journal, '--verify', 'full'));

      const merged = followVhdxChain(destination);
      expectSameBytes(vhdxGuestBytes(merged), view, 'the destination');
      expectSameBytes(vhdxGuestBytes(followVhdxChain(source)), view, 'the source afterwards');
      expect(merged[0]!.sizeBytes).toBe(sizeBytes);
      const states = Object.keys(given.blocks ?? {}).map((block) => [block, merged[0]!.payload(Number(block)).state]);
      expect(Object.fromEntries(states)).toEqual(given.blocks ?? {});
      await expectShows(destination, sha256(view), given.mayComplain);
      // The direct child of the destination has been written; a source farther away has not, its dirty log included.
      const child = paths[into - 1]!;
      expect(checkPlainVhdx(child)).toEqual([]);
      expect(paths.slice(0, into - 1).map((path) => fingerprint(path))).toEqual(before);
    });

    test('a child of 200 GiB, for which the BAT of its parent of 4 MiB must move', async () => {
      const folder = mkdtempSync(join(scratch(), 'm-'));
      const sizeBytes = 200 * 1024 * MIB;
      const at = 199 * 1024 * M; // the first sector of what the child has
      const [source, destination] = writeDisks(folder, {
        sectorBytes: 512,
        layers: [
          child({ sizeBytes, blockMib: 32, data: [[at, 3]] }),
          // 204,800 blocks are 1.6 MiB of BAT; it has one.
          { type: 'dynamic', sizeBytes: 4 * MIB, blockMib: 1, data: [[0, 4 * M]] },
        ],
      }) as [string, string];
      const before = openPlainVhdx(destination).regions.bat;

      expectDone(await mergeVhdx(source, destination, join(mkdtempSync(join(scratch(), 'j-')), 'journal.db')));

      const merged = followVhdxChain(destination);
      const [image] = merged;
      expect([image!.sizeBytes, image!.geometry.payloadBlocks]).toEqual([sizeBytes, 204_800]);
      expect(image!.regions.bat.offsetBytes).not.toBe(before.offsetBytes);
      expect(image!.regions.bat.lengthBytes).toBe(2 * MIB);
      expectSameBytes(vhdxGuestRange(merged, 0, 5 * MIB), viewOf(5 * MIB, 512, [[0, 4 * M, 1]]), 'the first 5 MiB');
      const around = Buffer.concat([Buffer.alloc(512), contentOf(0, at, 3, 512), Buffer.alloc(512)]);
      expectSameBytes(vhdxGuestRange(merged, at * 512 - 512, 5 * 512), around, 'what the child had');
      const states = Array.from({ length: 204_800 }, (_, block) => image!.payload(block).state);
      expect(states.filter((state) => state === 6)).toHaveLength(5);
      expect(states.slice(4).filter((state) => state !== 6 && state !== 2)).toEqual([]);
      expectSound(destination);
      expect((await run(['validate', destination])).code).toBe(0);
      const chunked = await Promise.all([source, destination].map((path) => run(['digest', path, '--chunked'])));
      expect(new Set(chunked.map(({ stdout }) => stdout.split(' ')[0])).size).toBe(1);
    });
  },
);
