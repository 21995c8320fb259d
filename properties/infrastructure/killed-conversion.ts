import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { guestSha256, followChain, writePlainVhd, type PlainBlock } from '../models/plain-vhd.js';
import { drawnFrom } from '../simulation/draws.js';
import { programPath, run } from './built-program.js';

const BLOCK_BYTES = 512 * 1024;
const BLOCKS = 32;

/** A chain of two, 16 MiB, every second block from the child. */
export const chainToConvert = (
  folder: string,
): { readonly leaf: string; readonly base: string; readonly sha256: string } => {
  const [leaf, base] = [join(folder, 'leaf.vhd'), join(folder, 'base.vhd')];
  const common = {
    dialect: 'windows',
    sizeBytes: BLOCKS * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    timeStamp: 1,
  } as const;
  const bits = Array.from({ length: BLOCK_BYTES / 512 }, () => true);
  const block = (seed: number): PlainBlock => {
    const data = new Uint8Array(BLOCK_BYTES);
    for (let sector = 0; sector < bits.length; sector += 1)
      data.fill(sector * 7 + seed + 1, sector * 512, (sector + 1) * 512);
    return { bits, data };
  };
  const every = (step: number, seed: number) =>
    new Map(Array.from({ length: BLOCKS / step }, (_, n) => [n * step, block(seed + n)]));
  const [ofBase, ofLeaf] = ['aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000002'];
  writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: ofBase, blocks: every(1, 0) });
  const parent = { uniqueId: ofBase, fileName: 'base.vhd', timeStamp: 1 };
  writePlainVhd(leaf, { ...common, type: 'differencing', uniqueId: ofLeaf, blocks: every(2, 100), parent });
  return { leaf, base, sha256: guestSha256(followChain(leaf)) };
};

export const fileSha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Kills the built program at random moments; after each kill the new disk is whole or absent, and after the last run nothing else is there. */
export const expectSurvivesKills = async (folder: string, kills: number): Promise<void> => {
  const { leaf, base, sha256 } = chainToConvert(folder);
  const sources = [leaf, base].map(fileSha256);
  const path = join(folder, 'new.raw');
  const draw = drawnFrom(Number(process.env.CHAINFOLD_SEED ?? '1'));
  const stages: string[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const child = spawn(process.execPath, [programPath(), 'convert', leaf, path, '--rate', '40M', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // From the first thing said it takes about half a second.
    await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
    const timer = setTimeout(() => child.kill('SIGKILL'), draw(450));
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    clearTimeout(timer);
    expect([leaf, base].map(fileSha256)).toEqual(sources);
    const hidden = readdirSync(folder).filter((name) => name.startsWith('.chainfold-')).length;
    stages.push(existsSync(path) ? 'whole' : `absent, ${String(hidden)} hidden`);
    // One making leaves a claim and the unfinished file, and the next one removes them: they never add up.
    expect(hidden).toBeLessThanOrEqual(3);
    if (!existsSync(path)) continue;
    expect(fileSha256(path)).toBe(sha256);
    unlinkSync(path);
  }
  process.stdout.write(`${String(kills)} kills left: ${stages.join('; ')}\n`);
  expect(stages.filter((stage) => stage !== 'whole').length).toBeGreaterThan(0);
  expect(await run(['convert', leaf, path, '--quiet'])).toMatchObject({ code: 0 });
  expect(fileSha256(path)).toBe(sha256);
  expect(readdirSync(folder).sort()).toEqual(['base.vhd', 'leaf.vhd', 'new.raw']);
};
