/** What a child's header says of its parent: id, name, and the locators whose payloads lie elsewhere in the file. */
import { posix, win32 } from 'node:path';
import type { ImageDescription } from '#domain/chain/image-description';
import { type HostStyle, relativeStoredPath } from '#domain/chain/parent-candidates';
import type { ParentReference } from '#domain/disk-format/vhd/dynamic-header';
import { encodePayload, newLocatorEntry, type WritableCode } from '#domain/disk-format/vhd/parent-locator';
import { roundUp } from '#domain/quantities';

export interface PlacedReference {
  readonly reference: ParentReference;
  /** The payloads one after the other, each from a 512-byte boundary on: to be written at the offset that was asked for. */
  readonly payloads: Uint8Array;
}

type StoredPath = readonly [code: WritableCode, path: string];

/**
 * The reference from a child to its parent, with payloads at `payloadsOffsetBytes`. As XenServer writes it: MacX, W2ku, W2ru, all
 * with the relative path, so that a folder with a whole chain can be moved. Where no relative Windows path exists (a `\` in a
 * name, another drive) the codes that can hold the path are written alone. Both paths are canonical.
 */
export const parentReference = (
  childPath: string,
  parent: Pick<ImageDescription, 'path' | 'identity'>,
  hostStyle: HostStyle,
  payloadsOffsetBytes: number,
): PlacedReference => {
  const payloads = storedPaths(childPath, parent.path, hostStyle).map(
    ([code, path]) => [code, encodePayload(code, path)] as const,
  );
  const lengths = payloads.map(([, payload]) => roundUp(payload.length, 512));
  const offsets = lengths.map((_, n) => lengths.slice(0, n).reduce((total, length) => total + length, 0));
  const area = new Uint8Array(lengths.reduce((total, length) => total + length, 0));
  payloads.forEach(([, payload], n) => {
    area.set(payload, offsets[n]);
  });
  const pathStyle = hostStyle === 'windows' ? win32 : posix;
  return {
    reference: {
      parentUniqueId: parent.identity,
      parentName: pathStyle.basename(parent.path),
      locatorEntries: payloads.map(([code, payload], n) =>
        newLocatorEntry(code, payload, payloadsOffsetBytes + offsets[n]!),
      ),
    },
    payloads: area,
  };
};

const storedPaths = (childPath: string, parentPath: string, hostStyle: HostStyle): readonly StoredPath[] => {
  const relative = relativeStoredPath(childPath, parentPath, hostStyle);
  if (relative !== null) {
    return [
      ['MacX', relative.replaceAll('\\', '/')],
      ['W2ku', relative],
      ['W2ru', relative],
    ];
  }
  if (hostStyle === 'windows') return [['W2ku', parentPath]];
  const besideChild = posix.relative(posix.dirname(childPath), parentPath);
  return [['MacX', besideChild.startsWith('../') ? besideChild : `./${besideChild}`]];
};
