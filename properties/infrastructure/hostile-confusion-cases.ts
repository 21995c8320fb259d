/** One format in the other: a guest writes what it likes into its disk. CVE-2008-2004, CVE-2013-1922, CVE-2026-24708 */
import { damagedVhd, dynamicVhd, fixedVhd, inBytes } from '../models/plain-vhd-damage.js';
import { imageBytes, type PlainImage, plainVhdImage } from '../models/plain-vhd.js';
import type { PlainVhdxSpec } from '../models/plain-vhdx.js';
import { child, damagedImage, MIB, nothing } from '../models/plain-vhdx-damage.js';
import { hostile } from './hostile-file.js';

const footerOf = (sizeBytes: number): Uint8Array => {
  const { extents } = plainVhdImage({ ...fixedVhd, sizeBytes, blocks: new Map() });
  return extents.at(-1)!.bytes;
};
/** A VHDX of whole MiB as the first sectors of a fixed VHD. */
const vhdxInFixed = (): PlainImage => {
  const { sizeBytes, extents } = damagedImage(child, nothing);
  return { sizeBytes: sizeBytes + 512, extents: [...extents, { offsetBytes: sizeBytes, bytes: footerOf(sizeBytes) }] };
};
/** The guest of a VHDX ends its disk, and so the file, with a footer. */
const footerInVhdx = (): PlainImage => {
  const spec: PlainVhdxSpec = { ...child, payload: new Map([[0, { state: 6 }]]) };
  const { sizeBytes } = damagedImage(spec, nothing);
  return damagedImage(spec, (file) => {
    file.write(sizeBytes - 512, footerOf(sizeBytes - 512));
  });
};

export const CONFUSION_CASES = [
  hostile('a whole VHDX at the start of a fixed VHD', vhdxInFixed, 'not-a-virtual-disk'),
  hostile('a VHD footer at the end of a VHDX', footerInVhdx, 'opened'),
  hostile(
    'the signature of a VHDX at the start of a fixed VHD',
    () =>
      damagedVhd(
        { ...fixedVhd, sizeBytes: 2 * MIB },
        inBytes((file) => file.write('vhdxfile', 0, 'ascii')),
      ),
    'no-valid-header',
  ),
  hostile(
    'a dynamic VHD at the start of a fixed VHD',
    () => {
      const inner = imageBytes(plainVhdImage(dynamicVhd));
      return damagedVhd(
        { ...fixedVhd, sizeBytes: 65_536 },
        inBytes((file) => file.set(inner)),
      );
    },
    'opened',
    { warning: 'looks like a VHD footer' },
  ),
  hostile(
    'footers all over the blocks of a dynamic VHD',
    () =>
      damagedVhd(
        dynamicVhd,
        inBytes((file) => {
          const footer = file.subarray(0, 512);
          for (let at = file.length - 4096 - 512; at < file.length - 512; at += 512) footer.copy(file, at);
        }),
      ),
    'opened',
  ),
  hostile(
    '"conectix" and nothing else',
    () => ({ sizeBytes: 4096, extents: [{ offsetBytes: 0, bytes: Buffer.from('conectix') }] }),
    'footer-checksum',
  ),
  hostile(
    '"vhdxfile" and nothing else',
    () => ({ sizeBytes: 4096, extents: [{ offsetBytes: 0, bytes: Buffer.from('vhdxfile') }] }),
    'too-small',
  ),
  hostile('an empty file', () => ({ sizeBytes: 0, extents: [] }), 'not-a-virtual-disk'),
  hostile('a hole of 16 TiB', () => ({ sizeBytes: 2 ** 44, extents: [] }), 'not-a-virtual-disk'),
] as const;
