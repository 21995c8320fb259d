import { describe, expect, test } from 'vitest';
import {
  type Change,
  child,
  xen,
  whole,
  opened,
  changed,
  inHeader,
} from '../../../properties/simulation/damaged-vhd.js';

describe('a file that can be read but not merged into', () => {
  test('has a footer of a fixed disk at its end, and one of a dynamic disk with the same id at its start', async () => {
    const lost = Buffer.concat([whole(), Buffer.alloc(1 << 20), whole({ ...child, type: 'fixed' }).subarray(-512)]);
    expect(await opened(lost)).toBe('opened');
    expect(await opened(lost, 'openDestination')).toBe('footer-corrupt');
    const other = whole({ ...child, type: 'fixed', uniqueId: 'c4a10f01-d000-4000-8000-00000000000f' }).subarray(-512);
    expect(await opened(Buffer.concat([whole(), Buffer.alloc(1 << 20), other]), 'openDestination')).toBe('opened');
  });

  test('has a batmap that calls a block whole which is not there: XenServer would take all of it from here', async () => {
    const mapBit: Change = (file) => {
      const mapOffset = Number(file.readBigUInt64BE(file.indexOf('tdbatmap') + 8));
      file.writeUInt8(file.readUInt8(mapOffset) | 0x20, mapOffset);
    };
    expect(await opened(changed(mapBit, xen))).toBe('opened');
    expect(await opened(changed(mapBit, xen), 'openDestination')).toBe('bitmap-mismatch');
    expect(await opened(whole(xen), 'openDestination')).toBe('opened');
  });

  test('has a locator whose payload lies behind the file: a longer file would bring it over blocks', async () => {
    // Data Offset of the first entry of the eight.
    const behind = changed(inHeader((header) => header.writeBigUInt64BE(BigInt(whole().length + 4096), 576 + 16)));
    expect(await opened(behind)).toBe('opened');
    expect(await opened(behind, 'openDestination')).toBe('parent-locator');
    expect(await opened(whole(), 'openDestination')).toBe('opened');
  });
});
