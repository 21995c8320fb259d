/**
 * Work that goes on while something else is done. Its failure waits, too: whoever awaits it with the function returned gets it, and
 * until then it is nobody's unhandled rejection.
 */
export const awaitedLater = <T>(work: Promise<T>): (() => Promise<T>) => {
  const outcome = Promise.allSettled([work]);
  return async () => {
    const [settled] = await outcome;
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  };
};
