/** Buffers of one size that are used again: a new one for every block costs more than the copying. */
export class StagingBuffers {
  readonly #free: Uint8Array[] = [];

  constructor(readonly sizeBytes: number) {}

  /** Lends a buffer with any content while `work` runs. */
  async lend<T>(work: (buffer: Uint8Array) => Promise<T>): Promise<T> {
    const buffer = this.#free.pop() ?? new Uint8Array(this.sizeBytes);
    try {
      return await work(buffer);
    } finally {
      this.#free.push(buffer);
    }
  }
}
