import { describe, expect, test } from 'vitest';
import { MIB } from '#domain/quantities';
import type { PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import { child, damaged, dynamic, IDENTITY, opened, PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdxImage } from './vhdx-image.js';

const findingsOf = async (spec: PlainVhdxSpec, lengthBytes?: number): Promise<readonly string[]> => {
  const { files } = await damaged(spec);
  if (lengthBytes !== undefined) await (await files.open(PATH, 'read-write')).truncate(lengthBytes);
  files.calls.length = 0;
  const image = new VhdxImage(valueOf(await opened(files)));
  return (await image.validate()).map(({ severity, message }) => `${severity}: ${message}`);
};

test('a sound image has no finding', async () => {
  expect(await findingsOf(child)).toEqual([]);
  expect(await findingsOf(dynamic)).toEqual([]);
  expect(await findingsOf({ ...dynamic, type: 'fixed' })).toEqual([]);
});

describe('worth knowing is', () => {
  const all = [{ firstSector: 0, sectorCount: 2048 }];
  const item = { itemId: IDENTITY, bytes: new Uint8Array(3) };
  const log = { state: 'dirty', logGuid: IDENTITY, holds: ['bat'] } as const;
  const pairs = [
    { key: 'parent_linkage', value: 'C4A10F01-D000-4000-8000-000000000002' },
    { key: 'relative_path', value: '.\\base.vhdx' },
  ];

  test.each<[found: RegExp, spec: PlainVhdxSpec]>([
    [/^warning: The log has not been applied \(1 entry\)/, { ...child, log }],
    [/^warning: The file has no log/, { ...child, logMib: 0 }],
    [/^note: Region c4a1.* is another program's/, { ...child, regions: [{ guid: IDENTITY, lengthMib: 1 }] }],
    [/^note: Item c4a1.* is another program's or a user's/, { ...child, items: [item] }],
    [/^warning: The disk has an item of another program/, { ...child, items: [{ ...item, isVirtualDisk: true }] }],
    [/^note: The parent linkage is no GUID in lower case and braces/, { ...child, parent: { ...child.parent, pairs } }],
    [
      /^warning: Nothing in the file says where the parent is/,
      {
        ...child,
        parent: {
          ...child.parent,
          pairs: [
            { ...pairs[0]!, value: `{${IDENTITY}}` },
            { key: 'absolute_win32_path', value: 'C:\\x.vhdx' },
          ],
        },
      },
    ],
    [
      /^note: Block 7 is partially present without a sector/,
      { ...child, sizeBytes: 8 * MIB, payload: new Map([...child.payload, [7, { state: 7 }]]) },
    ],
    [
      /^note: Block 1 is partially present with all of its sectors: it could be fully present. So are 1 more.$/,
      {
        ...child,
        payload: new Map([
          [1, { state: 7, bits: all }],
          [4, { state: 7, bits: all }],
        ]),
      },
    ],
    [
      /^note: Block 5 is partially present with all of its sectors/,
      {
        ...child,
        sizeBytes: 6 * MIB - 4096,
        payload: new Map([[5, { state: 7, bits: [{ firstSector: 0, sectorCount: 2040 }] }]]),
      },
    ],
    [
      /^note: Block 0 is not partially present but has bits left over/,
      { ...child, payload: new Map([...child.payload, [0, { state: 6, bits: all }]]) },
    ],
    [/^note: 3 MiB of the file hold nothing/, { ...child, slackMib: 3 }],
  ])('%s', async (found, spec) => {
    expect(await findingsOf(spec)).toEqual([expect.stringMatching(found)]);
  });

  test('a length that is no multiple of 1 MiB', async () => {
    expect(await findingsOf({ ...child, slackMib: 1 }, 8 * MIB + 5)).toEqual([
      `note: The file is ${8 * MIB + 5} bytes long, which is no multiple of 1 MiB.`,
    ]);
  });
});
