export const ABORTED = Symbol('aborted');

/** The outcome of the work, or `ABORTED` as soon as the signal says so; what the work comes to then is nobody's concern any more. */
export const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T | typeof ABORTED> => {
  const settled = new AbortController();
  const aborted = new Promise<typeof ABORTED>((resolve) => {
    if (signal.aborted) resolve(ABORTED);
    else signal.addEventListener('abort', () => resolve(ABORTED), { signal: settled.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    settled.abort();
  }
};
