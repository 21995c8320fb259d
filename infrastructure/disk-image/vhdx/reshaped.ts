import { batGeometry } from '#domain/disk-format/vhdx/bat';
import { ChunkBitmaps } from './chunk-bitmaps.js';
import type { OpenVhdx } from './open-vhdx.js';
import { PagedBat } from './paged-bat.js';

/** What an open VHDX is after a change of its size, its items or the place of its BAT, which is on stable storage now. */
export const reshaped = (
  vhdx: OpenVhdx,
  changes: Partial<Pick<OpenVhdx, 'regions' | 'metadata' | 'parameters'>>,
): OpenVhdx => {
  const changed = { ...vhdx, ...changes };
  const geometry = batGeometry(changed.parameters);
  const bat = new PagedBat(vhdx.view, { tableOffsetBytes: changed.regions.bat.fileOffsetBytes, geometry });
  const { virtualSizeBytes } = changed.parameters;
  return {
    ...changed,
    geometry,
    bat,
    bitmaps: new ChunkBitmaps(vhdx.view, bat, geometry),
    description: { ...vhdx.description, virtualSizeBytes },
  };
};
