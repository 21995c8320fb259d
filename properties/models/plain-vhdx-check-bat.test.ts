/** Each flaw that the checker of VHDX knows is put into a sound image, and is named. */
import { describe, expect, test } from 'vitest';
import { base, bitmap, child, type Damage, damaged, entry, MIB, payload } from './plain-vhdx-damage.js';
import { checkPlainVhdx, type PlainVhdxSpec, type VhdxComplaint } from './plain-vhdx.js';

describe('the checker of VHDX finds in the BAT', () => {
  test.each<[string, VhdxComplaint['kind'], PlainVhdxSpec, Damage]>([
    ['reserved bits of an entry', 'reserved bits', base, entry(5, 8n)],
    ['the last reserved bit of an entry', 'reserved bits', base, entry(5, 2n ** 19n)],
    ['state 4', 'block state', base, entry(5, 4n)],
    ['state 5', 'block state', base, entry(5, 5n)],
    ['state 7 in a base', 'block state', base, payload(0, 7, ({ payloadAt }) => payloadAt.get(0) ?? 0)],
    ['an offset in state 0', 'offset without a place', base, entry(5, BigInt(600 * MIB))],
    ['an offset in state 2', 'offset without a place', base, entry(1, BigInt(600 * MIB + 2))],
    ['a fixed block without a place', 'fixed block without a place', { ...base, type: 'fixed' }, entry(5, 0n)],
    ['a block beyond the file', 'entry out of range', base, entry(5, BigInt(2 ** 40 + 6))],
    [
      'a block that ends beyond the file',
      'entry out of range',
      base,
      payload(17, 6, ({ payloadAt }) => (payloadAt.get(17) ?? 0) + MIB),
    ],
    ['a block in the first MiB', 'entry out of range', base, payload(0, 6, () => 0)],
    ['an old place beyond the file', 'entry out of range', base, entry(5, BigInt(2 ** 40 + 3))],
    ['two blocks in one place', 'overlap', base, payload(5, 6, ({ payloadAt }) => payloadAt.get(0) ?? 0)],
    [
      'a block that begins inside another',
      'overlap',
      base,
      payload(5, 6, ({ payloadAt }) => (payloadAt.get(0) ?? 0) + 255 * MIB),
    ],
    ["a block in another's old place", 'overlap', base, payload(5, 6, ({ payloadAt }) => payloadAt.get(3) ?? 0)],
    ['a block over the BAT', 'overlap', base, payload(5, 1, ({ bat }) => bat.offsetBytes)],
    [
      'a bitmap block in a payload block',
      'overlap',
      child,
      (file, image) => bitmap(0, BigInt((image.payloadAt.get(0) ?? 0) + 6))(file, image),
    ],
    ['a partial block without a bitmap block', 'bitmap missing', child, bitmap(1, 0n)],
    ['a bitmap block beyond the file', 'entry out of range', child, bitmap(0, BigInt(2 ** 40 + 6))],
    ['a bitmap block in state 3', 'block state', child, bitmap(0, BigInt(3 * MIB + 3))],
    [
      'a bitmap block that is not there and has an offset',
      'offset without a place',
      child,
      bitmap(0, BigInt(600 * MIB)),
    ],
    ['a bitmap block in a base', 'bitmap in a base', base, bitmap(0, BigInt(600 * MIB + 6))],
    ['entries behind the last', 'BAT padding', base, entry(100_000, 6n)],
  ])('%s', (_, kind, spec, damage) => {
    expect(checkPlainVhdx(damaged(spec, damage)).map((complaint) => complaint.kind)).toContain(kind);
  });

  test('an overlap with a block that has a shorter one inside it', () => {
    const inside: Damage = (file, image) => {
      const at = image.payloadAt.get(0) ?? 0;
      bitmap(0, BigInt(at + MIB + 6))(file, image);
      entry(5, BigInt(at + 100 * MIB + 6))(file, image);
    };
    const found = checkPlainVhdx(damaged(child, inside)).map(({ detail }) => detail);
    expect(found).toContainEqual(expect.stringMatching(/^bitmap block 0 .* inside block 0$/));
    expect(found).toContainEqual(expect.stringMatching(/^block 5 .* inside block 0$/));
  });
});
