import { readFileSync } from 'node:fs';

/** A small text that the system offers as a file (`/proc`, `/sys`); null where this system has no such file. */
export const readSystemText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) return null;
    throw error;
  }
};
