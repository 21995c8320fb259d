/**
 * Where each dialect puts log, regions and blocks, as seen in the corpus' files and in what qemu-img writes. FORMATS.md B1
 */
import { geometryOf, type Geometry, MIB, REGIONS, roundUp, type PayloadState } from './plain-vhdx-layout.js';
import type { PlainPayload, PlainPlace, PlainRange, PlainRegion, PlainVhdxSpec } from './plain-vhdx-spec.js';

export type PlacedRegion = PlainRange & { readonly guid: string; readonly required: boolean };

export type VhdxPlacement = {
  readonly geometry: Geometry;
  readonly log: PlainRange;
  /** In the order of the region table. */
  readonly regions: readonly PlacedRegion[];
  readonly bat: PlainRange;
  readonly metadata: PlainRange;
  readonly payloadAt: ReadonlyMap<number, number>;
  readonly bitmapAt: ReadonlyMap<number, number>;
  /** What nothing refers to. */
  readonly unused: readonly PlainRange[];
  readonly sizeBytes: number;
};

/** What the image says of a block, given or by default. */
export const payloadOf = (spec: PlainVhdxSpec, block: number): PlainPayload => {
  const given = spec.payload.get(block);
  if (given !== undefined) return given;
  if (spec.type !== 'fixed') return { state: 0 };
  return { state: spec.dialect === 'qemu' ? 2 : 6 };
};

/** The blocks that are not in state 0. */
export const blocksOf = (spec: PlainVhdxSpec, { payloadBlocks }: Geometry): readonly number[] =>
  spec.type === 'fixed'
    ? Array.from({ length: payloadBlocks }, (_, block) => block)
    : [...spec.payload.keys()].sort((a, b) => a - b);

export const placeVhdx = (spec: PlainVhdxSpec): VhdxPlacement => {
  const geometry = geometryOf({ ...spec, hasParent: spec.type === 'differencing' });
  const { log, regions, end } = placeRegions(spec, geometry);
  const rangeOf = (guid: string): PlainRange => {
    const found = regions.find((region) => region.guid === guid);
    if (found === undefined) throw new Error(`no region ${guid}`);
    return { offsetBytes: found.offsetBytes, lengthBytes: found.lengthBytes };
  };
  return {
    geometry,
    log,
    regions,
    bat: rangeOf(REGIONS.bat),
    metadata: rangeOf(REGIONS.metadata),
    ...placeBlocks(spec, geometry, end),
  };
};

const placeRegions = (
  spec: PlainVhdxSpec,
  geometry: Geometry,
): { readonly log: PlainRange; readonly regions: readonly PlacedRegion[]; readonly end: number } => {
  const required = spec.dialect !== 'qemu';
  const neededMib = Math.ceil((geometry.entryCount * 8) / MIB);
  if (spec.batMib !== undefined && spec.batMib < neededMib) throw new Error(`the BAT needs ${neededMib} MiB`);
  const bat: PlainRegion = { guid: REGIONS.bat, lengthMib: spec.batMib ?? neededMib, required };
  const metadata: PlainRegion = { guid: REGIONS.metadata, lengthMib: 1, required };
  const inFile = spec.dialect === 'qemu' ? [bat, metadata] : [metadata, bat];
  const inTable = spec.dialect === 'disk2vhd' ? [metadata, bat] : [bat, metadata];
  const logMib = spec.logMib ?? 1;
  const log = { offsetBytes: logMib === 0 ? 0 : MIB, lengthBytes: logMib * MIB };
  let end = MIB + log.lengthBytes;
  const placed = new Map<string, PlacedRegion>();
  for (const { guid, lengthMib, required: must } of [...inFile, ...(spec.regions ?? [])]) {
    placed.set(guid, { guid, offsetBytes: end, lengthBytes: lengthMib * MIB, required: must ?? false });
    end += lengthMib * MIB;
  }
  const regions = [...inTable, ...(spec.regions ?? [])].flatMap(({ guid }) => placed.get(guid) ?? []);
  return { log, regions, end: spec.dialect === 'qemu' ? roundUp(end, 8 * MIB) : end };
};

const placeBlocks = (
  spec: PlainVhdxSpec,
  geometry: Geometry,
  start: number,
): Pick<VhdxPlacement, 'payloadAt' | 'bitmapAt' | 'unused' | 'sizeBytes'> => {
  const at = { payload: new Map<number, number>(), bitmap: new Map<number, number>() };
  const unused: PlainRange[] = [];
  let end = start;
  const leave = (lengthMib: number): void => {
    if (lengthMib > 0) unused.push({ offsetBytes: end, lengthBytes: lengthMib * MIB });
    end += lengthMib * MIB;
  };
  fileOrder(spec, geometry).forEach(({ kind, index }, nth) => {
    leave(spec.gapsMib?.[nth] ?? 0);
    at[kind].set(index, end);
    end += kind === 'payload' ? spec.blockSizeBytes : MIB;
  });
  leave(spec.slackMib ?? 0);
  // QEMU's fixed disks have all their space, though no block has a place in it.
  const least =
    spec.type === 'fixed' && spec.dialect === 'qemu' ? start + roundUp(spec.sizeBytes, spec.blockSizeBytes) : 0;
  leave(Math.max(0, least - end) / MIB);
  return { payloadAt: at.payload, bitmapAt: at.bitmap, unused, sizeBytes: end };
};

const fileOrder = (spec: PlainVhdxSpec, geometry: Geometry): readonly PlainPlace[] => {
  const payload = blocksOf(spec, geometry).filter((block) => hasPlace(payloadOf(spec, block)));
  const withBits = blocksOf(spec, geometry).filter((block) => {
    const { state, bits } = payloadOf(spec, block);
    return state === 7 || bits !== undefined;
  });
  const chunkOf = (block: number): number => Math.floor(block / geometry.chunkRatio);
  const bitmaps = new Set([...withBits.map(chunkOf), ...(spec.bitmapBlocks ?? [])]);
  if (bitmaps.size > 0 && spec.type !== 'differencing') throw new Error('only a differencing image has bitmap blocks');
  const places: readonly (PlainPlace & { readonly chunk: number })[] = [
    ...[...bitmaps].map((chunk) => ({ kind: 'bitmap', index: chunk, chunk }) as const),
    ...payload.map((block) => ({ kind: 'payload', index: block, chunk: chunkOf(block) }) as const),
  ];
  const inOrder = [...places].sort((a, b) => a.chunk - b.chunk); // stable: each bitmap block stays before its chunk
  const named = spec.fileOrder ?? [];
  const same = (a: PlainPlace, b: PlainPlace): boolean => a.kind === b.kind && a.index === b.index;
  for (const place of named)
    if (!places.some((there) => same(there, place)))
      throw new Error(`the file order names ${place.kind} block ${place.index}, which has no place`);
  const isNamed = new Set(named.map(({ kind, index }) => `${kind} ${index}`));
  if (isNamed.size < named.length) throw new Error('the file order names a block twice');
  return [...named, ...inOrder.filter(({ kind, index }) => !isNamed.has(`${kind} ${index}`))];
};

/** FORMATS.md B5: states 6 and 7 have a place always, 1 and 3 when they keep an old one. */
export const hasPlace = ({ state, content }: PlainPayload): boolean => {
  const place: Record<PayloadState, boolean> = {
    0: false,
    1: content !== undefined,
    2: false,
    3: content !== undefined,
    6: true,
    7: true,
  };
  if (!place[state] && content !== undefined) throw new Error(`a block in state ${state} has no place for content`);
  return place[state];
};
