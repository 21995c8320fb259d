import type { RunPorts } from '../../application/merge/run-context.js';
import {
  ConvertImage,
  type ConvertOutcome,
  type ConvertRequest,
  type ConvertWatcher,
} from '../../application/use-cases/convert-image.js';

export const NOBODY_WATCHES: ConvertWatcher = {
  signal: new AbortController().signal,
  warn: () => undefined,
  progress: () => undefined,
};

/** Converts as the command line does unless told otherwise. */
export const convert = (
  ports: RunPorts,
  sourcePath: string,
  newPath: string,
  options: Partial<ConvertRequest> = {},
  watcher: Partial<ConvertWatcher> = {},
): Promise<ConvertOutcome> =>
  new ConvertImage(ports).convert(
    {
      sourcePath,
      newPath,
      type: 'dynamic',
      blockSizeBytes: null,
      verify: 'full',
      search: { roots: [] },
      rateBytesPerSecond: null,
      ...options,
    },
    { ...NOBODY_WATCHES, ...watcher },
  );
