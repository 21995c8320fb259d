/** A case: which chain, which of its images is made hostile and how, and what is merged. */
import fc from 'fast-check';
import type { BaseChain } from './base-chain.js';
import { type ChainUnderTest, type Examined, examine } from './examination.js';
import { type Mutation, mutate, mutations, type Victim } from './mutations.js';
import { openedGood } from './oracle.js';
import { PatchedFile } from './patched-file.js';
import { PatchedFiles } from './patched-files.js';
import type { Region, StructureMap } from './structure-map.js';
import { vhdMap } from './vhd-map.js';
import { vhdxMap } from './vhdx-map.js';

/** Numbers that are taken modulo what there is. */
export type HostileCase = {
  readonly chain: number;
  readonly image: number;
  readonly pair: number;
  readonly mutations: readonly Mutation[];
  readonly withMerge: boolean;
};

/** A merge is tried of three in ten. */
export const hostileCases: fc.Arbitrary<HostileCase> = fc.record({
  chain: fc.nat(0xffff),
  image: fc.nat(0xff),
  pair: fc.nat(0xff),
  mutations,
  withMerge: fc.nat(9).map((number) => number < 3),
});

export type MadeCase = { readonly chain: ChainUnderTest; readonly story: readonly string[] };

/** Makes the chain of a case, in memory. */
export const makeCase = (chains: readonly BaseChain[], hostile: HostileCase): MadeCase => {
  const base = at(chains, hostile.chain);
  const files = new PatchedFiles();
  for (const { path, content } of base.files) files.put(path, content);
  const paths = base.files.map(({ path }) => path);
  const image = hostile.image % paths.length;
  const path = at(paths, image);
  const victim: Victim = {
    file: files.file(path),
    map: mapOf(files.file(path), path),
    path,
    leafPath: at(paths, 0),
    donor: (number) => donorOf(chains, base, number),
  };
  const pairs = pairsOf(paths.length);
  const pair = at(pairs, hostile.pair);
  const lines = hostile.mutations.map((mutation) => mutate(mutation, victim));
  return {
    chain: { files, paths, hostile: image, pair, withMerge: hostile.withMerge },
    story: [
      `${base.name}: ${paths.join(' over ')}`,
      ...lines.map((line) => `in ${path}: ${line}`),
      ...(hostile.withMerge ? [`merge ${at(paths, pair.source)} into ${at(paths, pair.destination)}`] : []),
    ],
  };
};

export const examineCase = async (
  chains: readonly BaseChain[],
  hostile: HostileCase,
): Promise<Examined & Pick<MadeCase, 'story'>> => {
  const { chain, story } = makeCase(chains, hostile);
  return { ...(await examine(chain)), story };
};

/** Of an image as it is before it is changed. */
const mapOf = (file: PatchedFile, path: string): StructureMap => {
  const good = openedGood(path, file.content);
  return good.format === 'vhd' ? vhdMap(file, good.image) : vhdxMap(file, good.image);
};

/** Every pair of a source and an ancestor; of a single image, itself. */
const pairsOf = (images: number): readonly { readonly source: number; readonly destination: number }[] =>
  images === 1
    ? [{ source: 0, destination: 0 }]
    : Array.from({ length: images }, (_, source) => source).flatMap((source) =>
        Array.from({ length: images - source - 1 }, (_, nth) => ({ source, destination: source + 1 + nth })),
      );

const donorOf = (chains: readonly BaseChain[], base: BaseChain, number: number): ReturnType<Victim['donor']> => {
  const others = chains.filter(({ format }) => format === base.format).flatMap(({ files }) => files);
  const donor = at(others, number);
  const file = new PatchedFile(0, donor.content);
  return {
    name: donor.path,
    bytes: ({ name, offsetBytes, lengthBytes }: Region) => {
      const same = mapOf(file, donor.path).regions.find((region) => region.name === name);
      return file.bytes(same?.offsetBytes ?? offsetBytes, Math.min(lengthBytes, same?.lengthBytes ?? lengthBytes));
    },
  };
};

const at = <T>(from: readonly T[], number: number): T => {
  const picked = from[number % from.length];
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
};
