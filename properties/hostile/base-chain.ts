import type { PlainImage } from '../models/plain-vhd-spec.js';
import { type FileContent, PatchedFile } from './patched-file.js';

export const FOLDER = '/vms';

/** A good chain that hostile ones are made of. Leaf to base; the files lie in one folder. */
export type BaseChain = {
  readonly name: string;
  readonly format: 'vhd' | 'vhdx';
  readonly files: readonly { readonly path: string; readonly content: FileContent }[];
};

export const chainOf = (
  name: string,
  format: BaseChain['format'],
  files: readonly { readonly fileName: string; readonly image: PlainImage }[],
): BaseChain => ({
  name,
  format,
  files: files.map(({ fileName, image }) => ({ path: `${FOLDER}/${fileName}`, content: PatchedFile.contentOf(image) })),
});
