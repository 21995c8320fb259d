/** What is wrong between the images of a forest: each image with what concerns it, none for one that is well. */
import type { ForestImage } from './forest.js';

export interface Trouble {
  readonly kind:
    | 'orphan'
    | 'broken-link'
    | 'cycle'
    | 'wrong-size'
    | 'other-format'
    | 'sector-size'
    | 'too-deep'
    | 'copies'
    | 'damaged'
    | 'unreadable'
    | 'saved-state'
    | 'warning'
    | 'superseded'
    | 'changed-since-merge';
  /** `broken`: the disk cannot be used as it is. `attention`: worth knowing. */
  readonly severity: 'broken' | 'attention';
  readonly message: string;
  /** Paths that it is about, besides the image's own. */
  readonly related: readonly string[];
}

/** A folder full of copies would else be told of once for each pair. */
const MOST_NAMED = 8;
const NIL = '00000000-0000-0000-0000-000000000000';

export const linkTroubles = <Image extends ForestImage>(
  images: readonly Image[],
  byFile: ReadonlyMap<string, Image>,
  parents: ReadonlyMap<Image, Image>,
  cycles: ReadonlyMap<Image, readonly Image[]>,
): ReadonlyMap<Image, readonly Trouble[]> => {
  const byIdentity = new Map<string, readonly Image[]>();
  for (const image of images) {
    if (image.identity === null || image.identity === NIL) continue;
    byIdentity.set(image.identity, [...(byIdentity.get(image.identity) ?? []), image]);
  }
  return new Map(
    images.map((image) => {
      const parent = parents.get(image);
      const cycle = cycles.get(image);
      const ofLink =
        cycle !== undefined
          ? [inCycle(cycle)]
          : parent !== undefined
            ? wrongWithParent(image, parent)
            : image.parentIdentities.length > 0 || image.type === 'differencing'
              ? [withoutParent(image, byFile, byIdentity)]
              : [];
      return [image, [...ofLink, ...copiesOf(image, byIdentity)]];
    }),
  );
};

const inCycle = (cycle: readonly ForestImage[]): Trouble => ({
  kind: 'cycle',
  severity: 'broken',
  message: `its chain comes back to itself: ${cycle.map(({ path }) => path).join(' on ')}`,
  related: cycle.map(({ path }) => path),
});

const wrongWithParent = (image: ForestImage, parent: ForestImage): readonly Trouble[] => {
  const related = [parent.path];
  if (image.format !== null && parent.format !== null && image.format !== parent.format) {
    const message = `a ${image.format.toUpperCase()} on a ${parent.format.toUpperCase()}: ${parent.path}`;
    return [{ kind: 'other-format', severity: 'broken', message, related }];
  }
  const troubles: Trouble[] = [];
  const [size, parentSize] = [image.virtualSizeBytes, parent.virtualSizeBytes];
  if (image.format === 'vhd' && size !== null && parentSize !== null && size !== parentSize) {
    const message = `its disk has ${size} bytes, that of its parent ${parentSize}`;
    troubles.push({ kind: 'wrong-size', severity: 'broken', message, related });
  }
  const [sector, parentSector] = [image.logicalSectorSize, parent.logicalSectorSize];
  if (sector !== null && parentSector !== null && sector !== parentSector) {
    const message = `its sectors have ${sector} bytes, those of its parent ${parentSector}`;
    troubles.push({ kind: 'sector-size', severity: 'broken', message, related });
  }
  return troubles;
};

/** A disk that is where the parent should be, and is not it, is a broken link; nothing there makes an orphan. */
const withoutParent = (
  image: ForestImage,
  byFile: ReadonlyMap<string, ForestImage>,
  byIdentity: ReadonlyMap<string, readonly ForestImage[]>,
): Trouble => {
  const wanted = image.parentIdentities.join(' or ');
  const elsewhere = image.parentIdentities
    .flatMap((identity) => byIdentity.get(identity) ?? [])
    .filter((found) => found !== image)
    .slice(0, MOST_NAMED)
    .map(({ path }) => path);
  const hint = elsewhere.length === 0 ? '' : `; a disk with this identity is ${elsewhere.join(', ')}`;
  for (const { fileKey } of image.leads) {
    const found = fileKey === null ? undefined : byFile.get(fileKey);
    if (found === undefined) continue;
    return {
      kind: 'broken-link',
      severity: 'broken',
      message: `made from a disk with identity ${wanted}, but ${found.path} has ${found.identity ?? 'none that can be read'}${hint}`,
      related: [found.path, ...elsewhere],
    };
  }
  const tried = image.leads.map(({ tried, why }) => `${tried} (${why ?? 'no virtual disk is there'})`).join('; ');
  return {
    kind: 'orphan',
    severity: 'broken',
    message: `its parent, the disk with identity ${wanted}, cannot be found: ${tried === '' ? 'no path to it is stored' : tried}${hint}`,
    related: elsewhere,
  };
};

const copiesOf = (image: ForestImage, byIdentity: ReadonlyMap<string, readonly ForestImage[]>): readonly Trouble[] => {
  const others = (byIdentity.get(image.identity ?? NIL) ?? []).filter((other) => other !== image);
  if (others.length === 0) return [];
  const paths = others.slice(0, MOST_NAMED).map(({ path }) => path);
  const more = others.length > paths.length ? ` and ${others.length - paths.length} more` : '';
  const message = `${paths.join(', ')}${more} ${others.length === 1 ? 'has' : 'have'} the same identity: which one a child means is open`;
  return [{ kind: 'copies', severity: 'attention', message, related: paths }];
};
