import { expect } from 'vitest';
import { drawnFrom } from '../simulation/draws.js';
import { killedMerge } from './kill-chain.js';

/** What must hold after any number of kills; prints where they struck, so that one can see that they spread. */
export const expectSurvivesKills = async (folder: string, kills: number): Promise<void> => {
  const seed = Number(process.env.CHAINFOLD_SEED ?? '1');
  const draw = drawnFrom(seed);
  const report = await killedMerge(folder, kills, () => draw(1_000_000) / 1_000_000);
  process.stdout.write(
    `${kills} kills (seed ${seed}) struck at these counts of committed blocks: ${report.struckAt.join(' ')}\n`,
  );

  expect(report.sha256).toBe(report.expected);
  expect(report.audit).toMatchObject({ code: 0 });
  const blocks = report.events.filter(({ type }) => type === 'BlockMerged').map(({ data }) => data.block as number);
  expect(new Set(blocks).size).toBe(blocks.length);
  const recoveries = report.events.filter(({ type }) => type === 'MergeRecovered');
  // A run that was killed before it could append left none; every other run after a kill has one.
  expect(recoveries.length).toBeLessThanOrEqual(report.foundUnfinished);
  expect(recoveries.length).toBeGreaterThanOrEqual(Math.ceil(report.foundUnfinished * 0.9));
  for (const { data } of recoveries) expect(data.redoBytesAtMost).toBeLessThanOrEqual(2 * 1024 * 1024);
  const thirds = [0, 1, 2].map((third) => report.struckAt.filter((at) => Math.floor((at / 441) * 3) === third).length);
  expect(Math.min(...thirds)).toBeGreaterThan(kills / 10);
};
