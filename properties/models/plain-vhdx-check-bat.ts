/**
 * What is wrong with the BAT: states, ranges, what lies over what, and bitmap blocks that are missing. FORMATS.md Part E (VHDX), B5
 */
import type { VhdxComplaint } from './plain-vhdx-check.js';
import { FIRST_MIB_END, MIB, PAYLOAD_STATES } from './plain-vhdx-layout.js';
import type { FoundEntryOfBat, PlainVhdx } from './plain-vhdx-reader.js';

/** A part of the file, from its first byte to the one behind its last. */
type Part = { readonly name: string; readonly from: number; readonly to: number };

const ZEROS = Buffer.alloc(64 * 1024);

export const checkBat = (vhdx: PlainVhdx): readonly VhdxComplaint[] => {
  const payload = checkPayload(vhdx);
  const bitmaps = checkBitmaps(vhdx);
  return [
    ...payload.complaints,
    ...bitmaps.complaints,
    ...checkPadding(vhdx),
    ...overlaps([...fixedParts(vhdx), ...payload.parts, ...bitmaps.parts]),
  ];
};

/** Bytes of the file, in whole MiB, that nothing refers to: what a crash or a freed block left behind. */
export const unusedBytes = (vhdx: PlainVhdx): number => {
  const parts = [...fixedParts(vhdx), ...checkPayload(vhdx).parts, ...checkBitmaps(vhdx).parts];
  const used = new Set<number>();
  for (const { from, to } of parts) for (let at = from; at < to; at += MIB) used.add(Math.floor(at / MIB));
  return Math.max(0, Math.ceil(vhdx.view.sizeBytes / MIB) - used.size) * MIB;
};

type Found = { readonly complaints: readonly VhdxComplaint[]; readonly parts: readonly Part[] };

const checkPayload = (vhdx: PlainVhdx): Found => {
  const complaints: VhdxComplaint[] = [];
  const parts: Part[] = [];
  const { chunkRatio, payloadBlocks } = vhdx.geometry;
  for (let block = 0; block < payloadBlocks; block += 1) {
    const entry = vhdx.payload(block);
    const { state, offsetBytes } = entry;
    if (state === 0 && offsetBytes === 0 && entry.reserved === 0 && vhdx.type !== 'fixed') continue;
    const name = `block ${block}`;
    if (entry.reserved !== 0) complaints.push({ kind: 'reserved bits', detail: name });
    const isKnown = PAYLOAD_STATES.some((known) => known === state) && (state !== 7 || vhdx.type === 'differencing');
    if (!isKnown)
      complaints.push({ kind: 'block state', detail: `${name} of a ${vhdx.type} image is in state ${state}` });
    if ((state === 0 || state === 2) && offsetBytes !== 0)
      complaints.push({ kind: 'offset without a place', detail: `${name} in state ${state} names ${offsetBytes}` });
    if (vhdx.type === 'fixed' && state < 6)
      complaints.push({ kind: 'fixed block without a place', detail: `${name} is in state ${state}` });
    const hasPlace = state >= 6 || ((state === 1 || state === 3) && offsetBytes !== 0);
    if (hasPlace) {
      parts.push({ name, from: offsetBytes, to: offsetBytes + vhdx.blockSizeBytes });
      complaints.push(...outOfRange(vhdx, name, offsetBytes, vhdx.blockSizeBytes));
    }
    const bitmap: FoundEntryOfBat | undefined =
      state === 7 && vhdx.type === 'differencing' ? vhdx.bitmap(Math.floor(block / chunkRatio)) : undefined;
    if (bitmap !== undefined && bitmap.state < 6)
      complaints.push({
        kind: 'bitmap missing',
        detail: `${name} is partially present, its chunk has no bitmap block`,
      });
  }
  return { complaints, parts };
};

const checkBitmaps = (vhdx: PlainVhdx): Found => {
  const complaints: VhdxComplaint[] = [];
  const parts: Part[] = [];
  const { bitmapBlocks, bitmapIndex, entryCount } = vhdx.geometry;
  for (let chunk = 0; chunk < bitmapBlocks; chunk += 1) {
    if (bitmapIndex(chunk) >= entryCount) break; // A base's last chunk has no entry for a bitmap.
    const { state, offsetBytes, reserved } = vhdx.bitmap(chunk);
    const name = `bitmap block ${chunk}`;
    if (reserved !== 0) complaints.push({ kind: 'reserved bits', detail: name });
    if (state === 0) {
      if (offsetBytes !== 0)
        complaints.push({ kind: 'offset without a place', detail: `${name} names ${offsetBytes}` });
      continue;
    }
    if (vhdx.type !== 'differencing')
      complaints.push({ kind: 'bitmap in a base', detail: `${name} is in state ${state}` });
    else if (state !== 6) complaints.push({ kind: 'block state', detail: `${name} is in state ${state}` });
    parts.push({ name, from: offsetBytes, to: offsetBytes + MIB });
    complaints.push(...outOfRange(vhdx, name, offsetBytes, MIB));
  }
  return { complaints, parts };
};

const outOfRange = ({ view }: PlainVhdx, name: string, from: number, lengthBytes: number): readonly VhdxComplaint[] =>
  from >= FIRST_MIB_END && from + lengthBytes <= view.sizeBytes
    ? []
    : [{ kind: 'entry out of range', detail: `${name} is at ${from}, the file has ${view.sizeBytes} bytes` }];

/** What follows the last entry in the BAT's region means nothing, and is zero in a sound file. */
const checkPadding = ({ regions, geometry, view }: PlainVhdx): readonly VhdxComplaint[] => {
  const end = regions.bat.offsetBytes + regions.bat.lengthBytes;
  for (let at = regions.bat.offsetBytes + geometry.entryCount * 8; at < end; at += ZEROS.length) {
    const piece = view.read(at, Math.min(ZEROS.length, end - at));
    if (!piece.equals(ZEROS.subarray(0, piece.length)))
      return [{ kind: 'BAT padding', detail: `not zero behind byte ${at}` }];
  }
  return [];
};

const fixedParts = ({ header, regions }: PlainVhdx): readonly Part[] => [
  { name: 'the first MiB', from: 0, to: FIRST_MIB_END },
  ...(header.log.lengthBytes === 0
    ? []
    : [{ name: 'the log', from: header.log.offsetBytes, to: header.log.offsetBytes + header.log.lengthBytes }]),
  ...regions.entries.map(({ guid, offsetBytes, lengthBytes }) => ({
    name: `region ${guid}`,
    from: offsetBytes,
    to: offsetBytes + lengthBytes,
  })),
];

/** Each part must begin where all parts that begin before it have ended. */
const overlaps = (parts: readonly Part[]): readonly VhdxComplaint[] => {
  const complaints: VhdxComplaint[] = [];
  let last: Part = { name: 'nothing', from: 0, to: 0 };
  for (const part of [...parts].sort((a, b) => a.from - b.from)) {
    if (part.from < last.to)
      complaints.push({ kind: 'overlap', detail: `${part.name} begins at ${part.from}, inside ${last.name}` });
    if (part.to > last.to) last = part;
  }
  return complaints;
};
