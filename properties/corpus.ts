/**
 * Images that this project did not write, for tests: a folder with README.md, manifest.json and *.gz, named by CHAINFOLD_CORPUS.
 * None of them is in the repository; without the variable the tests say what they leave out.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { describe, test } from 'vitest';

/** One image as manifest.json describes it; `parent` is the name of another image, which lies beside it. */
export type CorpusImage = {
  readonly name: string;
  readonly file: string;
  readonly containerSha256: string;
  readonly containerBytes: number;
  readonly format: 'vhd' | 'vhdx';
  /** "fixed", "dynamic" or "differencing", and sometimes what is special about it. */
  readonly kind: string;
  readonly creator: string;
  readonly virtualSize: number;
  readonly blockSize: number | null;
  readonly parent: string | null;
  /** Every byte of the virtual disk, of a child that of its whole chain; null for the two empty disks of 127 GiB. */
  readonly guestSha256: string | null;
  readonly uniqueId?: string;
  readonly parentUniqueId?: string;
  readonly timestamp?: number;
  readonly parentTimestamp?: number;
  readonly parentLocator?: Readonly<Record<string, string>>;
  readonly dataWriteGuid?: string;
  readonly virtualDiskId?: string;
  readonly parentLinkage?: string;
  readonly logGuid?: string;
};

export type Corpus = {
  readonly images: readonly CorpusImage[];
  readonly image: (name: string) => CorpusImage;
  /** The image and all below it, leaf to base. */
  readonly chainOf: (name: string) => readonly CorpusImage[];
  /** Unpacks images into an existing folder, under their own names, and checks their hashes; the paths in the same order. */
  readonly unpack: (names: readonly string[], folder: string) => Promise<readonly string[]>;
};

/** The corpus, or a sentence about why there is none. */
export const corpusOrReason = (): Corpus | string => {
  const folder = process.env.CHAINFOLD_CORPUS;
  if (folder === undefined || folder === '') return 'CHAINFOLD_CORPUS is not set';
  const manifest = join(folder, 'manifest.json');
  if (!existsSync(manifest)) return `CHAINFOLD_CORPUS is ${folder}, which has no manifest.json`;
  return corpusOf(
    folder,
    (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly images: readonly CorpusImage[] }).images,
  );
};

/** `describe` with the corpus at hand; without one, a skipped test that says what was left out. */
export const describeWithCorpus = (title: string, tests: (corpus: Corpus) => void): void => {
  const corpus = corpusOrReason();
  describe(title, () => {
    if (typeof corpus === 'string') {
      console.warn(`left out: ${title}: ${corpus}`);
      test.skip(`left out: ${corpus}`);
    } else tests(corpus);
  });
};

const corpusOf = (folder: string, images: readonly CorpusImage[]): Corpus => {
  const image = (name: string): CorpusImage => {
    const found = images.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`the corpus has no ${name}`);
    return found;
  };
  const chainOf = (name: string): readonly CorpusImage[] => {
    const { parent } = image(name);
    return [image(name), ...(parent === null ? [] : chainOf(parent))];
  };
  return {
    images,
    image,
    chainOf,
    unpack: async (names, into) => {
      const paths: string[] = [];
      for (const name of names) {
        const path = join(into, name);
        await unpackOne(join(folder, image(name).file), path, image(name).containerSha256);
        paths.push(path);
      }
      return paths;
    },
  };
};

const unpackOne = async (packed: string, path: string, sha256: string): Promise<void> => {
  const hash = createHash('sha256');
  const hashed = new Transform({
    transform: (chunk: Buffer, _, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(createReadStream(packed), createGunzip(), hashed, createWriteStream(path));
  const found = hash.digest('hex');
  if (found !== sha256) throw new Error(`${packed}: the manifest says ${sha256}, the file is ${found}`);
};
