/** libvhdi #17: a state that is read wrong shows the guest bytes of the file's own head. All eight, with and without a parent. */
import { describe, expect, test } from 'vitest';
import { FormatImages } from '../../infrastructure/disk-image/format-images.js';
import { base, child, damagedImage, MIB, payload } from '../models/plain-vhdx-damage.js';
import { answerOf, countingFiles, HOSTILE_PATH } from './hostile-file.js';

const NEW_GUID = 'c4a10f01-d000-4000-8000-0000000000bb';
const SECTORS = (256 * MIB) / 512;

/** What the disk supplies of the first block, whose entry is in this state with the place that it had, or with none. */
const suppliedIn = async (kind: 'base' | 'child', state: number, place: 'kept' | 'none'): Promise<string> => {
  const { files } = countingFiles();
  const at = payload(0, state, (image) => (place === 'kept' ? image.payloadAt.get(0)! : 0));
  files.put(HOSTILE_PATH, damagedImage(kind === 'base' ? base : child, at));
  const image = await new FormatImages(files, 'posix', () => NEW_GUID).open(HOSTILE_PATH);
  expect(files.calls).toEqual([]);
  if (!image.ok) return answerOf(image.error);
  const runs = await image.value.supplied({ start: 0, count: SECTORS });
  await image.value.close();
  return runs.length === 0 ? 'the parent’s' : runs.map(({ kind: what, count }) => `${what} ${count}`).join(', ');
};

const ALL = String(SECTORS);

describe('a payload block', () => {
  test.each([
    [0, 'kept', 'the parent’s', 'the parent’s'],
    [0, 'none', 'the parent’s', 'the parent’s'],
    [1, 'kept', `zero ${ALL}`, `zero ${ALL}`],
    [1, 'none', `zero ${ALL}`, `zero ${ALL}`],
    [2, 'kept', `zero ${ALL}`, `zero ${ALL}`],
    [2, 'none', `zero ${ALL}`, `zero ${ALL}`],
    [3, 'kept', `zero ${ALL}`, `zero ${ALL}`],
    [3, 'none', `zero ${ALL}`, `zero ${ALL}`],
    [4, 'kept', 'bat-state', 'bat-state'],
    [4, 'none', 'bat-state', 'bat-state'],
    [5, 'kept', 'bat-state', 'bat-state'],
    [5, 'none', 'bat-state', 'bat-state'],
    [6, 'kept', `data ${ALL}`, `data ${ALL}`],
    [6, 'none', 'bat-entry-out-of-range', 'bat-entry-out-of-range'],
    [7, 'kept', 'bat-state', 'bitmap-missing'],
    [7, 'none', 'bat-state', 'bat-entry-out-of-range'],
  ] as const)(
    'in state %i, its place %s: without a parent %s, with one %s',
    async (state, place, alone, differencing) => {
      expect(await suppliedIn('base', state, place)).toBe(alone);
      expect(await suppliedIn('child', state, place)).toBe(differencing);
    },
  );
});
