/**
 * A merge that is killed half-way, goes on, and is proven right. In a folder of its own, which it takes away again.
 * Exit code 1, with a word, when anything is not as promised.
 *
 *   npm run demo
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRawDisk, MIB, paint, sha256Of } from './disk-content.js';
import { Broken, Chainfold, promised, say } from './program.js';

const DISK_MIB = 112;

const demo = async (folder: string): Promise<void> => {
  const path = (name: string): string => join(folder, name);
  const [raw, base, child, grandchild] = ['disk.raw', 'base.vhd', 'child.vhd', 'grandchild.vhd'].map(path) as Paths;
  const chainfold = new Chainfold(folder);
  const shown = async (...words: readonly string[]): Promise<string> => {
    const output = await chainfold.run(...words);
    say(output, folder);
    return output;
  };
  const digestOf = async (image: string): Promise<string> => (await shown('digest', image)).split(' ', 1)[0] ?? '';

  console.log(`The disks are in ${folder}, which is called DIR below.`);

  title('A chain of three disks: a base, its child, and the child of that');
  makeRawDisk(raw, DISK_MIB * MIB);
  paint(raw, 'base', 0, 96);
  await shown('create', base, '--from', raw);
  paint(raw, 'child', 80, 112);
  await shown('diff', child, base, '--from', raw);
  paint(raw, 'grandchild', 60, 84);
  await shown('diff', grandchild, child, '--from', raw);
  const expected = await sha256Of(raw);
  await shown('chain', grandchild);

  title('What a merge of the grandchild into the base would do');
  await shown('plan', grandchild, base);
  const before = await digestOf(grandchild);
  promised(before === expected, 'the grandchild does not show what it was made from');

  title('The merge, slowed down, and killed half-way');
  const merge = ['merge', grandchild, base];
  const halfBytes = ((112 - 60) / 2) * MIB;
  const last = await chainfold.killedWhen<JsonLine>(
    [...merge, '--window', '4M', '--rate', '20M', '--json'],
    ({ data }) => (data?.totals?.bytes ?? 0) >= halfBytes,
  );
  const told = last.data?.totals?.blocks ?? 0;
  console.log(`Killed with SIGKILL. It had told us of ${told} committed blocks.`);

  title('What the journal and the disks say now');
  const jobId = last.stream.replace('merge-', '');
  const soFar = await chainfold.run('events', jobId);
  say(shortened(soFar), folder);
  promised(blocksIn(soFar) >= told, `${told} blocks were told of as committed, the journal has ${blocksIn(soFar)}`);
  promised((await digestOf(grandchild)) === before, 'the grandchild does not show what it showed');
  console.log('The same as before: the grandchild can still be used.');

  title('The same merge again: it goes on after the last committed block');
  await shown(...merge);
  const all = await chainfold.run('events', jobId);
  const [recovered] = all.split('\n').filter((line) => line.includes('recovered after an interruption'));
  if (recovered === undefined) throw new Broken('the second run has recorded no MergeRecovered');
  console.log(`MergeRecovered:\n${recovered}`);

  title('The proof');
  const after = await digestOf(base);
  promised(after === before, 'the base does not show what the grandchild showed');
  await shown('audit', jobId, '--data');

  const blocks = blocksIn(all);
  const redone = blocks - new Set(blockLines(all).map((line) => /block (\d+)/.exec(line)?.[1])).size;
  promised(redone === 0, `${redone} blocks were committed twice`);
  title('Summary');
  console.log(`The base shows what the grandchild showed:  yes (SHA-256 ${after.slice(0, 16)}…)
Committed before the kill and after it:     ${blocksIn(soFar)} and ${blocks - blocksIn(soFar)} blocks, each once
The record of the merge is whole:           yes (${all.split('\n').length - 1} events)`);
};

type Paths = [raw: string, base: string, child: string, grandchild: string];

/** Of a line of `merge --json`: what a `BlockMerged` says of all blocks so far. */
interface JsonLine {
  readonly stream: string;
  readonly data?: { readonly totals?: { readonly blocks: number; readonly bytes: number } };
}

const title = (text: string): void => console.log(`\n── ${text} ──`);

const blockLines = (events: string): readonly string[] =>
  events.split('\n').filter((line) => /block \d+ merged/.test(line));

const blocksIn = (events: string): number => blockLines(events).length;

/** One block is much like another: the first and the last will do. */
const shortened = (events: string): string => {
  const blocks = blockLines(events);
  const between = blocks.slice(1, -1);
  return events
    .split('\n')
    .filter((line) => !between.includes(line))
    .flatMap((line) => (line === blocks[0] ? [line, `       … ${between.length} more blocks …`] : [line]))
    .join('\n');
};

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'chainfold-demo-'));
try {
  await demo(folder);
} catch (error) {
  if (!(error instanceof Broken)) throw error;
  console.error(`\nNot as promised: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
