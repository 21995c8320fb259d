import type { Holder, HeldLocks, ImageLocks } from '#application/ports/image-lock';

/** Locks on a machine where nobody else is: always had. What real locks do is tested with real ones. */
export class FreeLocks implements ImageLocks {
  async lockAll(): Promise<HeldLocks> {
    return { held: true, cover: () => true, release: async () => undefined };
  }

  async holdersOf(): Promise<readonly Holder[]> {
    return [];
  }

  async missingProtection(): Promise<readonly string[]> {
    return [];
  }
}
