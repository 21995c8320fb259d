/** A batmap that lies about every block of a large empty disk: the answer must not be a sentence for each of them. */
import { expect, test } from 'vitest';
import { FormatImages } from '../../infrastructure/disk-image/format-images.js';
import { BLOCK_BYTES, damagedVhd, inBytes, xenVhd } from '../models/plain-vhd-damage.js';
import { countingFiles, HOSTILE_PATH } from './hostile-file.js';

const NEW_GUID = 'c4a10f01-d000-4000-8000-0000000000bb';
const BLOCKS = 20_000;

test('a map of ones over an empty table is told in a hundred sentences and one', async () => {
  const spec = { ...xenVhd, sizeBytes: BLOCKS * BLOCK_BYTES, blocks: new Map() };
  const onesEverywhere = inBytes((file) => {
    const header = file.indexOf('tdbatmap');
    const map = Number(file.readBigUInt64BE(header + 8));
    file.fill(0xff, map, map + BLOCKS / 8);
  });
  const { files } = countingFiles();
  files.put(HOSTILE_PATH, damagedVhd(spec, onesEverywhere));
  const image = await new FormatImages(files, 'posix', () => NEW_GUID).open(HOSTILE_PATH);
  if (!image.ok) throw new Error(image.error.message);
  const findings = (await image.value.validate()).filter(({ severity }) => severity === 'error');
  expect(findings).toHaveLength(101);
  expect(findings.at(-1)?.message).toBe(`So it is with ${String(BLOCKS - 100)} more blocks.`);
});
