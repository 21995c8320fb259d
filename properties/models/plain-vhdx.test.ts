import { fc, test } from '@fast-check/vitest';
import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import {
  flatVhdxLayers,
  materialiseVhdx,
  vhdxChainImages,
  vhdxChains,
  type VhdxChainSpec,
  vhdxView,
  vhdxViews,
} from '../arbitraries/vhdx-chains.js';
import { firstDifference } from './flat-disk.js';
import {
  checkPlainVhdx,
  followVhdxChain,
  imageSource,
  openPlainVhdx,
  openVhdxChain,
  type PlainVhdxChain,
  unusedBytes,
  vhdxGuestBytes,
  vhdxGuestRange,
  vhdxGuestSha256,
  vhdxSectorPlaces,
} from './plain-vhdx.js';
import { scratchFolder } from './scratch-folder.js';

const MIB = 1024 ** 2;

describe('a chain that the plain VHDX writer wrote', () => {
  const folder = scratchFolder();
  const inMemory = (chain: VhdxChainSpec): PlainVhdxChain =>
    openVhdxChain(vhdxChainImages(chain).map(({ fileName, image }) => imageSource(fileName, image)));

  test.prop([vhdxChains()], { numRuns: 60 })('reads from every layer as the flat disk does', (chain) => {
    const opened = inMemory(chain);
    vhdxViews(chain).forEach((view, index) => {
      expect(firstDifference(view, vhdxGuestBytes(opened.slice(index)))).toBeUndefined();
    });
    expect(firstDifference(vhdxView(chain, 1), vhdxGuestBytes(opened.slice(1)))).toBeUndefined();
  });

  test.prop([vhdxChains()], { numRuns: 25 })('reads the same from files, found by what the locators say', (chain) => {
    const { paths, dataWriteGuids } = materialiseVhdx(chain, folder());
    const followed = followVhdxChain(paths[0]!);
    expect(followed.map(({ source }) => source.path)).toEqual(paths);
    expect(followed.map(({ dataWriteGuid }) => dataWriteGuid)).toEqual(dataWriteGuids);
    expect(vhdxGuestSha256(followed)).toBe(createHash('sha256').update(vhdxView(chain)).digest('hex'));
  });

  test.prop([vhdxChains()], { numRuns: 60 })('has no fatal flaw, and no other that was not asked for', (chain) => {
    vhdxChainImages(chain).forEach(({ fileName, image }, index) => {
      const { log, headers, dialect, type } = chain.layers[index]!;
      const expected = [
        ...(log?.state === 'dirty' ? ['dirty log'] : []),
        ...(headers === 'other damaged' ? ['header damaged'] : []),
        ...(dialect === 'qemu' && !['other damaged', 'identical'].includes(headers) ? ['headers disagree'] : []),
      ];
      const found = checkPlainVhdx(imageSource(fileName, image)).map(({ kind }) => kind);
      const counts = (kind: string): boolean => type !== 'fixed' || kind !== 'fixed block without a place';
      expect(found.filter(counts).sort()).toEqual(expected.sort());
    });
  });

  test.prop([vhdxChains(), fc.nat(), fc.nat()], { numRuns: 40 })(
    'reads in part as the same part of the whole',
    (chain, from, to) => {
      const sectors = chain.layers[0]!.sizeSectors;
      const [first, end] = [from % sectors, to % sectors].sort((a, b) => a - b) as [number, number];
      const bytes = chain.logicalSectorBytes;
      const part = vhdxGuestRange(inMemory(chain), first * bytes, (end - first) * bytes);
      expect(firstDifference(vhdxView(chain).subarray(first * bytes, end * bytes), part)).toBeUndefined();
    },
  );

  test.prop([vhdxChains(), fc.nat()], { numRuns: 30 })('has each sector where its places say', (chain, at) => {
    inMemory(chain).forEach((image, index) => {
      const placeOf = vhdxSectorPlaces(image);
      const bytes = chain.logicalSectorBytes;
      const own = flatVhdxLayers(chain)[index]!;
      const supplied = new Map(
        own.runs.flatMap(({ firstSector, data }) =>
          Array.from({ length: data.length / bytes }, (_, nth) => [
            (firstSector * 512) / bytes + nth,
            data.subarray(nth * bytes, (nth + 1) * bytes),
          ]),
        ),
      );
      const painted = [...supplied.keys()];
      const asked = [at % chain.layers[index]!.sizeSectors, ...painted.slice(0, 3), ...painted.slice(-3)];
      for (const sector of asked) {
        const place = placeOf(sector);
        const found = typeof place === 'number' ? image.view.read(place, bytes) : Buffer.alloc(bytes);
        if (image.type === 'differencing') expect(place === undefined).toBe(!supplied.has(sector));
        expect(found.equals(supplied.get(sector) ?? Buffer.alloc(bytes))).toBe(true);
      }
    });
  });

  test.prop([vhdxChains({ minDepth: 2 })], { numRuns: 20 })('does not open with a layer left out', (chain) => {
    const sources = vhdxChainImages(chain).map(({ fileName, image }) => imageSource(fileName, image));
    expect(() => openVhdxChain([sources[0]!, ...sources.slice(2)])).toThrow('its parent is');
  });

  test.prop([vhdxChains()], { numRuns: 50 })('says in each file what the specification asked for', (chain) => {
    for (const { fileName, spec, image } of vhdxChainImages(chain)) {
      const found = openPlainVhdx(imageSource(fileName, image));
      const { type, sizeBytes, blockSizeBytes, logicalSectorBytes, physicalSectorBytes, virtualDiskId } = spec;
      const { dataWriteGuid, fileWriteGuid } = spec;
      expect(found).toMatchObject({ type, sizeBytes, blockSizeBytes, logicalSectorBytes, physicalSectorBytes });
      expect(found).toMatchObject({ virtualDiskId, dataWriteGuid, fileWriteGuid });
      for (const [block, { state }] of spec.payload)
        expect(found.payload(block)).toEqual({ state, reserved: 0, offsetBytes: image.payloadAt.get(block) ?? 0 });
      if (spec.type === 'differencing')
        expect(found.parent?.linkages).toEqual([
          spec.parent.dataWriteGuid,
          ...(spec.parent.linkage2 === undefined ? [] : [spec.parent.linkage2]),
        ]);
      const regions = image.bat.lengthBytes + image.metadata.lengthBytes + (spec.regions ?? []).length * MIB;
      const blocks = image.payloadAt.size * blockSizeBytes + image.bitmapAt.size * MIB;
      const used = MIB + image.log.lengthBytes + regions + blocks;
      expect(unusedBytes(found)).toBe(found.view.sizeBytes - used);
    }
  });
});
