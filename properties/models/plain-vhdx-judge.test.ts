import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  crc32c,
  geometryOf,
  guidBytes,
  guidText,
  imageSource,
  openPlainVhdx,
  openVhdxChain,
  type PlainVhdxChain,
  plainVhdxImage,
  type PlainVhdxSpec,
  vhdxGuestRange,
  vhdxSectorPlaces,
  writePlainVhdx,
} from './plain-vhdx.js';
import { scratchFolder } from './scratch-folder.js';
import { nameOfSector, sectorContent, staleBytes } from './sector-content.js';

const MIB = 1024 ** 2;

describe('the judge of VHDX', () => {
  test('has the checksum and the GUIDs of the format', () => {
    expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
    const zeroed = Buffer.concat([Buffer.from('12345'), Buffer.alloc(4), Buffer.from('789')]);
    expect(crc32c(Buffer.from('12345____789'), 5)).toBe(crc32c(zeroed));
    const bat = Buffer.from('6677c22d23f600429d64115e9bfd4a08', 'hex');
    expect(guidText(bat)).toBe('2dc27766-f623-4200-9d64-115e9bfd4a08');
    expect(guidBytes(guidText(bat))).toEqual(bat);
  });

  test('counts the entries of a BAT as the format does', () => {
    const count = (
      blocks: number,
      blockSizeBytes: number,
      logicalSectorBytes: number,
      hasParent: boolean,
    ): number[] => {
      const sizeBytes = (blocks - 1) * blockSizeBytes + logicalSectorBytes;
      const { chunkRatio, bitmapBlocks, entryCount } = geometryOf({
        ...{ sizeBytes, blockSizeBytes, logicalSectorBytes, hasParent },
      });
      return [chunkRatio, bitmapBlocks, entryCount];
    };
    expect(count(16, 256 * MIB, 512, false), 'no bitmap entry behind the last block').toEqual([16, 1, 16]);
    expect(count(17, 256 * MIB, 512, false)).toEqual([16, 2, 18]);
    expect(count(16, 256 * MIB, 512, true)).toEqual([16, 1, 17]);
    expect(count(17, 256 * MIB, 512, true)).toEqual([16, 2, 34]);
    expect(count(1, 2 * MIB, 4096, true)).toEqual([16384, 1, 16385]);
    expect(count(64 * MIB, MIB, 512, true)).toEqual([4096, 16384, (512.125 * MIB) / 8]);
  });

  const base: PlainVhdxSpec = {
    type: 'dynamic',
    dialect: 'windows',
    sizeBytes: 3 * MIB,
    blockSizeBytes: MIB,
    logicalSectorBytes: 512,
    payload: new Map([0, 1, 2].map((block) => [block, { state: 6, content: [content(1, block * 2048, 12)] }])),
    dataWriteGuid: '7584f8fb-36d3-4091-afb5-b1afe587bfa8',
  };
  const child = (change: Partial<PlainVhdxSpec>): PlainVhdxSpec => ({
    ...base,
    dataWriteGuid: '305abbc8-cef4-45ea-aee8-42ee5c891b06',
    payload: new Map(),
    ...change,
    type: 'differencing',
    parent: { dataWriteGuid: base.dataWriteGuid, fileName: 'base.vhdx' },
  });
  const open = (...specs: readonly PlainVhdxSpec[]): PlainVhdxChain =>
    openVhdxChain(specs.map((spec, index) => imageSource(`${index}.vhdx`, plainVhdxImage(spec))));
  const nameAt = (chain: PlainVhdxChain, sector: number): string =>
    nameOfSector(vhdxGuestRange(chain, sector * 512, 512));

  test.each([1, 2, 3] as const)('takes a block in state %i for zeros that hide the parent', (state) => {
    const content_ = state === 2 ? {} : { content: [{ firstSector: 0, bytes: staleBytes(512) }] };
    const chain = open(child({ payload: new Map([[1, { state, ...content_ }]]) }), base);
    expect([0, 2048, 4096].map((sector) => nameAt(chain, sector))).toEqual([
      "layer 1's sector 0",
      'zeros',
      "layer 1's sector 4096",
    ]);
    expect(vhdxSectorPlaces(chain[0]!)(2048)).toBe('zeros');
    expect(vhdxSectorPlaces(chain[0]!)(4096)).toBeUndefined();
  });

  test('counts bits from the least significant one, and looks at none in a block that is fully present', () => {
    const sectors = [content(0, 9, 1), { ...content(0, 3, 1), firstSector: 3 }];
    const partly = open(
      child({ payload: new Map([[0, { state: 7, content: sectors, bits: [{ firstSector: 9, sectorCount: 1 }] }]]) }),
      base,
    );
    expect([3, 8, 9, 10].map((sector) => nameAt(partly, sector))).toEqual([
      "layer 1's sector 3",
      "layer 1's sector 8",
      "layer 0's sector 9",
      "layer 1's sector 10",
    ]);
    const image = plainVhdxImage(
      child({ payload: new Map([[0, { state: 7, bits: [{ firstSector: 9, sectorCount: 1 }] }]]) }),
    );
    expect(imageSource('', image).read(image.bitmapAt.get(0)!, 2)).toEqual(Buffer.from([0, 2]));
    const fully = open(
      child({ payload: new Map([[0, { state: 6, content: sectors, bits: [{ firstSector: 9, sectorCount: 1 }] }]]) }),
      base,
    );
    expect([3, 8, 9].map((sector) => nameAt(fully, sector))).toEqual([
      "layer 0's sector 3",
      'zeros',
      "layer 0's sector 9",
    ]);
  });

  test('finds the bits of a block in the bitmap block of its chunk', () => {
    const large = { blockSizeBytes: 256 * MIB, sizeBytes: 20 * 256 * MIB };
    const partly = { state: 7, content: [content(0, 9, 1)], bits: [{ firstSector: 9, sectorCount: 1 }] } as const;
    const chain = open(child({ ...large, payload: new Map([[18, partly]]) }), {
      ...base,
      ...large,
      payload: new Map(),
    });
    const first = 18 * 256 * 2048;
    expect([first + 8, first + 9, first + 10].map((sector) => nameAt(chain, sector))).toEqual([
      'zeros',
      "layer 0's sector 9",
      'zeros',
    ]);
  });

  test('hides by a smaller disk in the middle what lies beyond its end', () => {
    const middle = { ...child({ sizeBytes: 2048 * 512 + 512 }), dataWriteGuid: '11111111-2222-3333-4444-555555555555' };
    const top: PlainVhdxSpec = {
      ...child({ sizeBytes: 5 * MIB }),
      type: 'differencing',
      parent: { dataWriteGuid: middle.dataWriteGuid, fileName: 'middle.vhdx' },
    };
    const chain = open(top, middle, base);
    expect([2048, 2049, 4096, 5 * 2048 - 1].map((sector) => nameAt(chain, sector))).toEqual([
      "layer 1's sector 2048",
      'zeros',
      'zeros',
      'zeros',
    ]);
  });

  test('refuses a parent of another identity, unless parent_linkage2 names it', () => {
    const other = { ...base, dataWriteGuid: '11111111-2222-3333-4444-555555555555' };
    expect(() => open(child({}), other)).toThrow(
      'its parent is 7584f8fb-36d3-4091-afb5-b1afe587bfa8, below it is 11111111',
    );
    const both: PlainVhdxSpec = {
      ...child({}),
      type: 'differencing',
      parent: { dataWriteGuid: base.dataWriteGuid, linkage2: other.dataWriteGuid, fileName: 'base.vhdx' },
    };
    expect(open(both, other)).toHaveLength(2);
    expect(open(both, base)).toHaveLength(2);
    const nil = { ...base, dataWriteGuid: '00000000-0000-0000-0000-000000000000' };
    expect(() => open(child({}), nil), 'a zero parent_linkage2 names nobody').toThrow('its parent is');
    expect(() => open(child({ logicalSectorBytes: 4096 }), base)).toThrow('sectors of 512 bytes');
  });
});

describe('the largest disk that VHDX allows', () => {
  const folder = scratchFolder();
  const sizeBytes = 64 * 1024 ** 4;
  const lastBlock = sizeBytes / MIB - 1;
  const spec: PlainVhdxSpec = {
    type: 'differencing',
    dialect: 'windows',
    sizeBytes,
    blockSizeBytes: MIB,
    logicalSectorBytes: 512,
    payload: new Map([
      [0, { state: 7, content: [content(1, 0, 1)], bits: [{ firstSector: 0, sectorCount: 1 }] }],
      [lastBlock, { state: 6, content: [{ ...content(1, 7, 1), firstSector: 2047 }] }],
    ]),
    dataWriteGuid: '305abbc8-cef4-45ea-aee8-42ee5c891b06',
    parent: { dataWriteGuid: '7584f8fb-36d3-4091-afb5-b1afe587bfa8', fileName: 'base.vhdx' },
  };

  test('costs its blocks only, and shows its first and its last sector', () => {
    const path = join(folder(), 'largest.vhdx');
    const basePath = join(folder(), 'base.vhdx');
    writePlainVhdx(path, spec);
    const { parent: _, ...rest } = spec;
    writePlainVhdx(basePath, {
      ...rest,
      type: 'dynamic',
      sizeBytes: MIB,
      payload: new Map(),
      dataWriteGuid: '7584f8fb-36d3-4091-afb5-b1afe587bfa8',
    });
    expect(statSync(path).size).toBe((3 + 513 + 3) * MIB);
    expect(statSync(path).blocks * 512).toBeLessThan(MIB);
    const opened = openPlainVhdx(path);
    expect(opened.geometry.entryCount * 8).toBe(512.125 * MIB);
    expect(opened.payload(lastBlock).state).toBe(6);
    const chain = [opened, openPlainVhdx(basePath)];
    expect(nameOfSector(vhdxGuestRange(chain, 0, 512))).toBe("layer 1's sector 0");
    expect(nameOfSector(vhdxGuestRange(chain, sizeBytes - 512, 512))).toBe("layer 1's sector 7");
  });
});

function content(
  layer: number,
  sector: number,
  count: number,
): { readonly firstSector: number; readonly bytes: Uint8Array } {
  return {
    firstSector: sector % 2048,
    bytes: Buffer.concat(Array.from({ length: count }, (_, nth) => sectorContent(layer, sector + nth))),
  };
}
