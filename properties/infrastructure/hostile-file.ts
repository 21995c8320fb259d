/**
 * What the product does with a file that somebody made to hurt it: opens, looks through it, checks it, probes it. Everything that a
 * command does before it writes, on a disk that counts.
 */
import type { DiskImage } from '#application/ports/disk-image';
import type { OpenFile } from '#application/ports/file-system';
import type { MergeError } from '#domain/merge-error';
import { FormatImages } from '../../infrastructure/disk-image/format-images.js';
import type { PlainImage } from '../models/plain-vhd.js';
import { MemoryFileSystem } from '../simulation/memory-file-system.js';

export const HOSTILE_PATH = '/vms/disk';
/** No single read of a file may ask for more, whatever the numbers in it say. */
export const MOST_READ_BYTES = 32 * 1024 ** 2;
/** And a command must answer before a person wonders. */
export const MOST_MS = 1000;
const NEW_GUID = 'c4a10f01-d000-4000-8000-0000000000bb';
const SECTORS_LOOKED_AT = 20_000;
/** Tables of more blocks take longer to validate than a test has; opening and inspecting them do not. */
const MOST_BLOCKS = 100_000;

export interface Outcome {
  /** `opened`, the flaw of a damaged structure, or the kind of another refusal. */
  readonly answer: string;
  /** Of a refusal; null when it was opened. */
  readonly error: MergeError | null;
  readonly warnings: readonly string[];
  readonly mostReadBytes: number;
  /** Of the process: other ones on the machine do not count. */
  readonly cpuMs: number;
  /** Calls that change something: there must be none. */
  readonly changes: readonly unknown[];
}

/** A disk in memory that notes the longest read that is asked of it. */
export const countingFiles = (): { readonly files: MemoryFileSystem; readonly mostRead: () => number } => {
  const files = new MemoryFileSystem();
  let mostRead = 0;
  const open = files.open.bind(files);
  files.open = async (path, mode): Promise<OpenFile> => {
    const file = await open(path, mode);
    return {
      ...file,
      read: (into, position) => {
        mostRead = Math.max(mostRead, into.length);
        return file.read(into, position);
      },
    };
  };
  return { files, mostRead: () => mostRead };
};

export const examined = async (content: PlainImage): Promise<Outcome> => {
  const { files, mostRead } = countingFiles();
  files.put(HOSTILE_PATH, content);
  const images = new FormatImages(files, 'posix', () => NEW_GUID);
  const start = process.cpuUsage();
  const image = await images.open(HOSTILE_PATH);
  if (image.ok) await lookedThrough(image.value);
  await images.probe(HOSTILE_PATH);
  return {
    answer: image.ok ? 'opened' : answerOf(image.error),
    error: image.ok ? null : image.error,
    warnings: image.ok ? image.value.description.warnings : [],
    mostReadBytes: mostRead(),
    cpuMs: cpuMsSince(start),
    changes: files.calls,
  };
};

const cpuMsSince = (start: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
};

/** The flaw stands in brackets behind the name of the structure. */
export const answerOf = ({ kind, message }: MergeError): string =>
  kind === 'damaged-structure' ? (/is damaged \((.*?)\)/.exec(message)?.[1] ?? kind) : kind;

const lookedThrough = async (image: DiskImage): Promise<void> => {
  const { logicalSectorSize, virtualSizeBytes, blockSizeBytes } = image.description;
  const count = Math.min(SECTORS_LOOKED_AT, virtualSizeBytes / logicalSectorSize);
  for (const run of await image.supplied({ start: 0, count })) {
    if (run.kind !== 'data') continue;
    const some = Math.min(run.count, 64);
    await image.read({ start: run.start, count: some }, new Uint8Array(some * logicalSectorSize));
  }
  await image.inspect();
  await image.diskItems();
  if (virtualSizeBytes / (blockSizeBytes ?? virtualSizeBytes) <= MOST_BLOCKS) await image.validate();
  await image.close();
};

/** A hostile file, what is done to it, and the answer that it must get. */
export interface HostileCase {
  readonly name: string;
  /** Made when its test runs. */
  readonly file: () => PlainImage;
  readonly answer: string;
  /** The last two digits of 0xC03A00xx, where Windows has a code. */
  readonly code?: string;
  /** Part of a warning that opening must give. */
  readonly warning?: string;
}

export const hostile = (
  name: string,
  file: () => PlainImage,
  answer: string,
  rest: Pick<HostileCase, 'code' | 'warning'> = {},
): HostileCase => ({ name, file, answer, ...rest });
