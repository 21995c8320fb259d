import { describe, expect, test } from 'vitest';
import { firstDifference, flatDisk, type Layer } from './flat-disk.js';
import { nameOfSector, SECTOR_BYTES, sectorContent, staleBytes } from './sector-content.js';

const layer = (number: number, sizeSectors: number, ...sectors: readonly number[]): Layer => ({
  sizeBytes: sizeSectors * SECTOR_BYTES,
  runs: sectors.map((sector) => ({ firstSector: sector, data: sectorContent(number, sector) })),
});

/** The disk in words, one per sector. */
const names = (disk: Uint8Array): readonly string[] =>
  Array.from({ length: disk.length / SECTOR_BYTES }, (_, sector) =>
    nameOfSector(disk.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)),
  );

describe('the flat disk of a chain', () => {
  test('shows of each sector the nearest layer that supplies it, and zeros where none does', () => {
    expect(names(flatDisk(layer(0, 4, 1), layer(1, 4, 1, 2), layer(2, 4, 2, 3)))).toEqual([
      'zeros',
      "layer 0's sector 1",
      "layer 1's sector 2",
      "layer 2's sector 3",
    ]);
  });

  test('shows zeros that a layer supplies instead of what lies below them', () => {
    const zeroed: Layer = { sizeBytes: 1024, runs: [{ firstSector: 0, data: new Uint8Array(SECTOR_BYTES) }] };
    expect(names(flatDisk(zeroed, layer(1, 2, 0, 1)))).toEqual(['zeros', "layer 1's sector 1"]);
  });

  test('shows zeros beyond the end of a smaller layer, whatever lies under it', () => {
    expect(names(flatDisk(layer(0, 3), layer(1, 1), layer(2, 3, 0, 1, 2)))).toEqual([
      "layer 2's sector 0",
      'zeros',
      'zeros',
    ]);
  });
});

describe('sector content', () => {
  test('of another layer, of another sector, shifted by 8 bytes or left over from elsewhere is told apart', () => {
    const right = sectorContent(1, 17);
    expect(nameOfSector(right)).toBe("layer 1's sector 17");
    const shifted = Buffer.concat([right.subarray(8), right.subarray(0, 8)]);
    for (const wrong of [sectorContent(2, 17), sectorContent(1, 18), staleBytes(SECTOR_BYTES), shifted])
      expect(nameOfSector(wrong)).not.toBe("layer 1's sector 17");
    expect(nameOfSector(staleBytes(SECTOR_BYTES))).toContain('stale');
  });

  test('that differs is reported by its sector, with what was expected and what was found', () => {
    const [expected, found] = [flatDisk(layer(0, 3, 0, 2)), flatDisk(layer(1, 3, 2), layer(0, 3, 0))];
    expect(firstDifference(expected, found)).toBe("sector 2: expected layer 0's sector 2, found layer 1's sector 2");
    expect(firstDifference(expected, Uint8Array.from(expected))).toBeUndefined();
    expect(firstDifference(expected, found.subarray(512))).toBe('expected 1536 bytes, found 1024');
  });
});
