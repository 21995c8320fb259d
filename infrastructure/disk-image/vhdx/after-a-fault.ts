import type { OpenVhdx } from './open-vhdx.js';

/** Runs work on the file. When it fails nothing is answered from memory any more, so that a file that refuses to be read refuses. */
export const forgettingOnFault = async <T>(
  { bat, bitmaps }: Pick<OpenVhdx, 'bat' | 'bitmaps'>,
  work: () => Promise<T>,
): Promise<T> => {
  try {
    return await work();
  } catch (fault) {
    bat.forget();
    bitmaps.forget();
    throw fault;
  }
};
