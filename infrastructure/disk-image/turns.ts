/** Runs pieces of work one after the other, in the order in which they were asked for, whether the one before failed or not. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // The one who asked gets the failure; the next in line only waits.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
