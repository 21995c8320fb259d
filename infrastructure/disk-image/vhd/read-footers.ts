import type { OpenFile } from '#application/ports/file-system';
import { type FooterReads, footerPlaces, type FooterPlace } from '#domain/disk-format/vhd/footer-copies';
import { readAt } from '../file-faults.js';

/** The bytes at the places where a file of this size may have its footer. */
export const readFooters = async (file: OpenFile, fileSizeBytes: number): Promise<FooterReads> => {
  const places = footerPlaces(fileSizeBytes);
  const bytesAt = (place: FooterPlace | null): Promise<Uint8Array | null> =>
    place === null ? Promise.resolve(null) : readAt(file, place.offsetBytes, place.lengthBytes);
  return {
    fileSizeBytes,
    tail: await bytesAt(places.tail),
    shortTail: await bytesAt(places.shortTail),
    head: await bytesAt(places.head),
  };
};
