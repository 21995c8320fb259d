/**
 * Brings what log entries hold to its place in the file. Doing it again changes nothing, so that it may be interrupted anywhere.
 * Nothing is flushed.
 */
import type { OpenFile } from '#application/ports/file-system';
import { LOG_SECTOR_BYTES, type LogDescriptor } from '#domain/disk-format/vhdx/log-entry';
import { MIB } from '#domain/quantities';

/** Applies the descriptors in their order to a file of `lengthBytes`. Returns its length afterwards. */
export const applyDescriptors = async (
  file: OpenFile,
  descriptors: readonly LogDescriptor[],
  lengthBytes: number,
): Promise<number> => {
  let length = lengthBytes;
  for (let n = 0; n < descriptors.length;) {
    const descriptor = descriptors[n]!;
    if (descriptor.kind === 'zero') {
      length = await applyZeros(file, descriptor, length);
      n += 1;
      continue;
    }
    const pages = pagesFrom(descriptors, n);
    await file.write(joined(pages), descriptor.fileOffsetBytes);
    length = Math.max(length, descriptor.fileOffsetBytes + pages.length * LOG_SECTOR_BYTES);
    n += pages.length;
  }
  return length;
};

/** A log can claim terabytes of zeros behind the end of the file: they come with the length. */
const applyZeros = async (
  file: OpenFile,
  { fileOffsetBytes, lengthBytes }: LogDescriptor & { readonly kind: 'zero' },
  fileLength: number,
): Promise<number> => {
  const end = fileOffsetBytes + lengthBytes;
  const endInFile = Math.min(end, fileLength);
  const zeros = new Uint8Array(Math.max(0, Math.min(MIB, endInFile - fileOffsetBytes)));
  for (let at = fileOffsetBytes; at < endInFile; at += zeros.length) {
    await file.write(zeros.subarray(0, endInFile - at), at);
  }
  if (end <= fileLength) return fileLength;
  await file.truncate(end);
  return end;
};

/** The pages of the data descriptors from the n-th on that follow one another in the file too: one write. */
const pagesFrom = (descriptors: readonly LogDescriptor[], from: number): readonly Uint8Array[] => {
  const pages: Uint8Array[] = [];
  const start = descriptors[from]!.fileOffsetBytes;
  for (let n = from; n < descriptors.length && pages.length * LOG_SECTOR_BYTES < MIB; n += 1) {
    const descriptor = descriptors[n]!;
    if (descriptor.kind !== 'data' || descriptor.fileOffsetBytes !== start + pages.length * LOG_SECTOR_BYTES) break;
    pages.push(descriptor.page);
  }
  return pages;
};

const joined = (pages: readonly Uint8Array[]): Uint8Array => {
  if (pages.length === 1) return pages[0]!;
  const bytes = new Uint8Array(pages.length * LOG_SECTOR_BYTES);
  pages.forEach((page, n) => {
    bytes.set(page, n * LOG_SECTOR_BYTES);
  });
  return bytes;
};
