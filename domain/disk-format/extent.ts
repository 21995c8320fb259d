/** The bytes of a file from `startBytes` up to, not including, `endBytes`. */
export interface Extent {
  readonly startBytes: number;
  readonly endBytes: number;
}

export const overlap = (one: Extent, other: Extent): boolean =>
  one.startBytes < other.endBytes && other.startBytes < one.endBytes;
