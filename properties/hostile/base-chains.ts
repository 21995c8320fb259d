/**
 * The good images that hostile ones are made of: chains of both formats, of every kind that there is, always the same ones. Most are
 * drawn from the chains' arbitraries with a fixed seed; one has what is seldom drawn together; some, programs have made.
 */
import fc from 'fast-check';
import { chainImages, differencingChains } from '../arbitraries/chains.js';
import { vhdxChainImages, vhdxChains } from '../arbitraries/vhdx-chains.js';
import { child } from '../simulation/damaged-vhdx.js';
import { type PlainVhdxSpec, plainVhdxImage } from '../models/plain-vhdx.js';
import { type BaseChain, chainOf } from './base-chain.js';
import { corpusChains, type MadeChains, ownChains, qemuChains } from './made-chains.js';

const MIB = 1024 ** 2;
const SEED = 20_261_124;
const DRAWN = 28;
/** A case reads all that the chain holds several times. */
const MOST_PAGES = 320;
const MOST_FILE_BYTES = 24 * MIB;

/** Drawn and written out, and by our own `create` and `diff`. */
export const baseChains = async (
  drawn: { readonly vhd: number; readonly vhdx: number } = { vhd: DRAWN, vhdx: DRAWN },
): Promise<readonly BaseChain[]> => {
  const vhd = fc
    .sample(differencingChains({ maxDepth: 2, maxSectors: 128 }), { seed: SEED, numRuns: drawn.vhd })
    .map((chain, nth) => chainOf(`VHD chain ${nth}`, 'vhd', chainImages(chain)));
  const vhdx = fc
    .sample(vhdxChains({ maxDepth: 2, maxSizeBytes: 4 * MIB }), { seed: SEED, numRuns: drawn.vhdx })
    .map((chain, nth) => chainOf(`VHDX chain ${nth}`, 'vhdx', vhdxChainImages(chain)));
  return [...vhd, ...vhdx, allStates(), ...(await ownChains())].filter(isSmall);
};

/** Besides those, what others have made, where it is at hand. */
export const allChains = async (): Promise<MadeChains> => {
  const [qemu, corpus] = [await qemuChains(), await corpusChains()];
  return {
    chains: [...(await baseChains()), ...qemu.chains, ...corpus.chains],
    leftOut: [...qemu.leftOut, ...corpus.leftOut],
  };
};

const isSmall = ({ files }: BaseChain): boolean =>
  files.reduce((sum, { content }) => sum + content.pages.size, 0) <= MOST_PAGES &&
  files.every(({ content }) => content.sizeBytes <= MOST_FILE_BYTES);

/** Every state of a block, with a log that holds all metadata, over a base that is smaller. */
const allStates = (): BaseChain => {
  const leaf: PlainVhdxSpec = {
    ...child,
    log: {
      state: 'dirty',
      logGuid: 'c4a10f01-1060-4000-8000-000000000001',
      holds: ['bat', 'bitmaps', 'metadata', 'region tables'],
      entries: 2,
      startBytes: 255 * 4096,
    },
  };
  const base: PlainVhdxSpec = {
    type: 'dynamic',
    dialect: 'qemu',
    sizeBytes: 5 * MIB,
    blockSizeBytes: 2 * MIB,
    logicalSectorBytes: 512,
    payload: new Map([[0, { state: 6, content: [{ firstSector: 2048, bytes: new Uint8Array(512).fill(7) }] }]]),
    dataWriteGuid: child.parent.dataWriteGuid,
  };
  return chainOf('all states of a block', 'vhdx', [
    { fileName: 'leaf.vhdx', image: plainVhdxImage(leaf) },
    { fileName: child.parent.fileName, image: plainVhdxImage(base) },
  ]);
};
