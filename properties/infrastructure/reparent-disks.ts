/** Small chains of both formats for re-parentings, made by the product, on any file system; and what is asked of them. */
import { CreateImage } from '../../application/use-cases/create-image.js';
import { InspectImage } from '../../application/use-cases/inspect-image.js';
import {
  ReparentImage,
  type ReparentAnswer,
  type ReparentOptions,
} from '../../application/use-cases/reparent-image.js';
import type { LinkOutcome } from '../../application/reparent/change-link.js';
import type { RunPorts } from '../../application/merge/run-context.js';
import type { MergeError } from '../../domain/merge-error.js';
import type { Result } from '../../domain/result.js';

export type Format = 'vhd' | 'vhdx';
export const FORMATS: readonly Format[] = ['vhd', 'vhdx'];

export const valueOf = <T>(result: Result<T, MergeError>): T => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

const BLOCK_BYTES: Readonly<Record<Format, number>> = { vhd: 4096, vhdx: 1024 * 1024 };
export const SIZE_BYTES: Readonly<Record<Format, number>> = { vhd: 8 * 4096, vhdx: 2 * 1024 * 1024 };

/** A few bytes here and there, different for each number. */
export const content = (format: Format, ...numbers: readonly number[]): Uint8Array => {
  const shown = new Uint8Array(SIZE_BYTES[format]);
  for (const number of numbers) shown.fill(number, number * 512, number * 512 + 512);
  return shown;
};

export const createBase = async (ports: RunPorts, path: string, format: Format, rawPath: string): Promise<void> => {
  const disk = { path, type: 'dynamic', logicalSectorSize: 512, content: { rawPath } } as const;
  valueOf(await new CreateImage(ports).create({ ...disk, blockSizeBytes: BLOCK_BYTES[format] }));
};

export const createChild = async (
  ports: RunPorts,
  path: string,
  parentPath: string,
  format: Format,
  rawPath: string,
  search: { readonly roots: readonly string[] } = { roots: [] },
): Promise<void> => {
  const blockSizeBytes = BLOCK_BYTES[format];
  valueOf(await new CreateImage(ports).createChild({ path, parentPath, blockSizeBytes, rawPath, ...search }));
};

export const reparent = (
  ports: RunPorts,
  child: string,
  parent: string,
  options: Partial<ReparentOptions> = {},
): Promise<ReparentAnswer> =>
  new ReparentImage(ports).reparent(child, parent, { ignoreIdMismatch: false, roots: [], ...options });

/** What was changed; fails for any other answer. */
export const changedBy = (answer: ReparentAnswer): Extract<LinkOutcome, { outcome: 'changed' }> => {
  if (answer.answer === 'ended' && answer.ended.outcome === 'changed') return answer.ended;
  throw new Error(JSON.stringify(answer));
};

/** Paths of the chain, leaf first, as the product opens it. */
export const chainOf = async (ports: RunPorts, leaf: string, roots: readonly string[]): Promise<readonly string[]> =>
  valueOf(await new InspectImage(ports).chain(leaf, { roots })).map(({ path }) => path);

export const digestOf = async (ports: RunPorts, leaf: string, roots: readonly string[]): Promise<string> =>
  valueOf(await new InspectImage(ports).digest(leaf, { roots }, 'plain')).sha256;

export const eventsOf = async ({ store }: RunPorts): Promise<readonly string[]> => {
  const types: string[] = [];
  for await (const { stream } of store.list('reparent-'))
    for await (const { type } of store.read(stream)) types.push(type);
  return types;
};
