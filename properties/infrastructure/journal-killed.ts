import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { guestBytes, openChain } from '../models/plain-vhd.js';
import { smallChain } from '../product/small-chain.js';
import { drawnFrom } from '../simulation/draws.js';
import { programPath, run } from './built-program.js';

/** A journal's server that can be killed, and started again with all that it had acknowledged. */
export interface KillableServer {
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** As many kills as asked for fall into the merge: it has this much to do for each. After an outage a second of its rate is made up for at once. */
const BLOCKS_PER_KILL = 12;

/**
 * One merge by the built program, whose journal's server is killed and started again so many times at random moments. It must complete
 * by itself, be right, and leave a record that the audit finds right. Prints where the kills struck.
 */
export const expectSurvivesJournalKills = async (
  scratch: string,
  server: KillableServer,
  kills: number,
): Promise<void> => {
  const chain = await smallChain(mkdtempSync(join(scratch, 'killed-')), { blocks: kills * BLOCKS_PER_KILL });
  const seed = Number(process.env.CHAINFOLD_SEED ?? '1');
  const draw = drawnFrom(seed);
  // A block has 512 bytes to merge and is a window of its own: an append each, eight in a second.
  const words = [
    'merge',
    chain.child,
    chain.base,
    '--journal',
    server.url,
    '--json',
    '--window',
    '512',
    '--rate',
    '4K',
  ];
  const child = spawn(process.execPath, [programPath(), ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const merge = { said: '', jobId: '', committed: 0, isOver: false };
  child.stderr.on('data', (text: Buffer) => (merge.said += text.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { type, stream } = JSON.parse(line) as { type: string; stream?: string };
    if (type === 'MergeRequested') merge.jobId = (stream ?? '').slice('merge-'.length);
    if (type === 'BlockMerged') merge.committed += 1;
  });
  void ended.then(() => (merge.isOver = true));

  const struckAt: number[] = [];
  while (struckAt.length < kills && !merge.isOver) {
    // Something has been merged since the last kill; how long after it the next one comes is chance.
    while (merge.committed <= (struckAt.at(-1) ?? 0) && !merge.isOver) await sleep(5);
    await sleep(draw(300));
    if (merge.isOver) break;
    struckAt.push(merge.committed);
    await server.kill();
    // Every other time for so short that an adapter's own retries outlast it, and else so long that the merge has to wait.
    await sleep(struckAt.length % 2 === 1 ? draw(200) : 1500 + draw(500));
    await server.start();
  }
  const [code] = await ended;
  const where = `${String(struckAt.length)} kills of the journal's server (seed ${String(seed)}) struck at these counts of committed blocks: ${struckAt.join(' ')}`;
  process.stdout.write(`${where}\n`);

  expect({ code, said: merge.said }).toMatchObject({ code: 0 });
  expect(struckAt).toHaveLength(kills);
  expect(merge.said).toContain('the journal cannot be reached');
  expect(merge.said).toContain('the journal is back; the merge goes on.');
  expect(guestBytes(openChain([chain.base]))).toEqual(chain.shown);
  const audit = await run(['audit', merge.jobId, '--data', '--journal', server.url]);
  expect(audit).toMatchObject({ code: 0, stderr: '' });
  const events = await run(['events', merge.jobId, '--json', '--journal', server.url]);
  const types = events.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { type: string }).type);
  expect(types.filter((type) => type === 'BlockMerged')).toHaveLength(kills * BLOCKS_PER_KILL);
  expect(types.filter((type) => type === 'MergeStarted' || type === 'MergeRecovered')).toEqual(['MergeStarted']);
  expect(types.filter((type) => type === 'JournalOutageEnded').length).toBeGreaterThanOrEqual(Math.floor(kills / 2));
};
