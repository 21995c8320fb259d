/** A stream's metadata is the last event of another stream, named so. */
export const metadataStreamOf = (stream: string): string => `$$${stream}`;

/** The first revision that the limits in this metadata leave of a stream with `length` events. `$maxAge` is not modelled. */
export const limitOf = (metadata: Uint8Array, length: number): number => {
  const { $tb: truncateBefore = 0, $maxCount: maxCount = length } = JSON.parse(
    Buffer.from(metadata).toString('utf8'),
  ) as {
    readonly $tb?: number;
    readonly $maxCount?: number;
  };
  return Math.max(truncateBefore, length - maxCount, 0);
};
