import { child, common, id } from '../product/small-disks.js';
import {
  DESTINATION,
  SOURCE,
  mergeOnce,
  putSnapshot,
  putVhd,
  putVhdChain,
  putVhdxChain,
  putVhdxSnapshot,
  type Story,
} from './story.js';
import { FOLDER } from './story-world.js';

/** Jobs that nothing came between. */
export const COMPLETED_STORIES: readonly Story[] = [
  {
    name: 'vhd',
    tells: 'Three VHDs, two of them merged into the third.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world);
    },
  },
  {
    name: 'vhdx',
    tells: 'A VHDX with data and zeros merged into its smaller parent, which gets a new identity.',
    phase: 'completed',
    happen: async (world) => {
      const pair = putVhdxChain(world);
      return await mergeOnce(world, {}, {}, pair);
    },
  },
  {
    name: 'fixed-destination',
    tells: 'A merge into a fixed VHD.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world, 'fixed');
      return await mergeOnce(world);
    },
  },
  {
    name: 'sectors-as-bitmap',
    tells: 'A block of so many runs that its event has them as a bitmap.',
    phase: 'completed',
    happen: async (world) => {
      const large = { ...common, sizeBytes: 131_072, blockSizeBytes: 131_072 };
      const everyOther = Array.from({ length: 256 }, (_, sector) => sector % 2 === 0);
      const blocks = new Map([[0, { bits: everyOther, data: new Uint8Array(131_072).fill(7) }]]);
      putVhd(world, DESTINATION, { ...large, type: 'dynamic', uniqueId: id(1), blocks: new Map() });
      putVhd(world, SOURCE, { ...child(2, 1, DESTINATION, blocks), ...large });
      return await mergeOnce(world);
    },
  },
  {
    name: 'verified-in-full',
    tells: 'A merge whose whole disk was compared afterwards.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, { verify: 'full' });
    },
  },
  {
    name: 'not-verified',
    tells: 'A merge that was not to be verified, at a limited rate, in small windows.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, { verify: 'none', rateBytesPerSecond: 65_536, windowBytes: 4096 });
    },
  },
  {
    name: 'vhd-child-reparented',
    tells: 'A source with a snapshot on it, which gets the destination as its parent.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      putSnapshot(world);
      return await mergeOnce(world);
    },
  },
  {
    name: 'vhdx-child-reparented',
    tells: 'The same with VHDX.',
    phase: 'completed',
    happen: async (world) => {
      const pair = putVhdxChain(world);
      putVhdxSnapshot(world);
      return await mergeOnce(world, {}, {}, pair);
    },
  },
  {
    name: 'sources-quarantined',
    tells: 'Merged images renamed after the merge.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, { retire: 'quarantine' });
    },
  },
  {
    name: 'sources-deleted',
    tells: 'Merged images deleted after the merge.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, { retire: 'delete' });
    },
  },
  {
    name: 'sibling-allowed',
    tells: 'Another child of the destination was named, so it did not stop the merge.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      putVhd(world, 'sibling.vhd', child(5, 1, DESTINATION, new Map()));
      return await mergeOnce(world, { allowedSiblings: [world.path('sibling.vhd')], roots: [FOLDER] });
    },
  },
  {
    name: 'odd-names',
    tells: 'File names with quotes, a control character, characters outside the BMP and ones that turn the line.',
    phase: 'completed',
    happen: async (world) => {
      const source = 'Zürich "7" \u{1f4be}\u0007 \u202e\u2028.vhd';
      putVhd(world, DESTINATION, { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map() });
      putVhd(world, source, child(2, 1, DESTINATION, new Map()));
      return await mergeOnce(world, {}, {}, [source, DESTINATION]);
    },
  },
];
