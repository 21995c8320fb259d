/**
 * A program: makes that many hostile images and examines each. `node … SEED COUNT [long]`. It is a process of its own, so that its
 * memory can be judged and its end be seen whatever it is. Ends with one line of JSON; the first breach, shrunk and told, with exit 1.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { allChains, baseChains } from './base-chains.js';
import { type Examined, examine } from './examination.js';
import { breachesOnDisk } from './files-on-disk.js';
import { type HostileCase, hostileCases, makeCase } from './hostile-case.js';

const MIB = 1024 ** 2;
const MOST_RSS_BYTES = 256 * MIB;
const MOST_MS = 1000;

const [seed, count, budget] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const isLong = budget === 'long';
/** Every so manieth case is tried on real files, too, and of these in the long run every fourth on immutable ones. */
const ON_DISK_EVERY = 50;

/** Chains of each format for the short run: those of VHDX take more than twice as long. */
const FEW = { vhd: 28, vhdx: 5 };

const tally = new Map<string, number>();
const counted = (what: string): void => {
  tally.set(what, (tally.get(what) ?? 0) + 1);
};
let slowest = { tookMs: 0, story: [] as readonly string[] };
let images = 0;

const { chains, leftOut } = isLong ? await allChains() : { chains: await baseChains(FEW), leftOut: [] };
for (const reason of leftOut) console.error(`left out: ${reason}`);

const examineOne = async (hostile: HostileCase): Promise<void> => {
  // What waits for a turn of the event loop (weak references, freed buffers) would else wait to the end.
  await nextTurn();
  images += 1;
  // The bound on memory is for what is alive.
  if (images % 32 === 0) globalThis.gc?.();
  const { chain, story } = makeCase(chains, hostile);
  const begun = performance.now();
  const examined = await examine(chain);
  const tookMs = performance.now() - begun;
  if (tookMs > slowest.tookMs) slowest = { tookMs, story };
  const breaches = [...examined.breaches, ...memoryBreaches()];
  if (tookMs > MOST_MS) breaches.push(...(await timeBreaches(hostile)));
  if (images % ON_DISK_EVERY === 0) breaches.push(...(await onDisk(hostile, examined)));
  if (breaches.length > 0) throw new Error([...story, ...breaches.map((breach) => `BREACH ${breach}`)].join('\n'));
  countAll(examined);
};

const memoryBreaches = (): readonly string[] => {
  const rss = images % 16 === 0 ? process.memoryUsage.rss() : 0;
  return rss > MOST_RSS_BYTES ? [`the process has ${Math.round(rss / MIB)} MiB`] : [];
};

/** On a busy machine a case waits longer than it works: it is tried again, and the time of the processor decides. */
const timeBreaches = async (hostile: HostileCase): Promise<readonly string[]> => {
  const { chain } = makeCase(chains, hostile);
  const before = process.cpuUsage();
  await examine(chain);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000;
  return cpuMs > MOST_MS ? [`it took ${Math.round(cpuMs)} ms`] : [];
};

/** The chain is made again: a merge has changed the first one. */
const onDisk = async (hostile: HostileCase, examined: Examined): Promise<readonly string[]> => {
  const immutable = isLong && (images / ON_DISK_EVERY) % 4 === 0;
  counted(immutable ? 'on immutable files' : 'on real files');
  return await breachesOnDisk(makeCase(chains, hostile).chain, examined, immutable);
};

const countAll = ({ outcome, merge, difference }: Examined): void => {
  counted(outcome);
  if (merge !== null) counted(`merge ${merge}`);
  if (difference !== null) counted(`known difference: ${difference}`);
};

const checked = await fc.check(fc.asyncProperty(hostileCases, examineOne), { seed, numRuns: count });
if (checked.failed) {
  // The shrunk case as a story; the path replays it: `fc.check(…, { seed, path })`.
  const { errorInstance, counterexamplePath } = checked;
  console.error(errorInstance instanceof Error ? errorInstance.message : String(errorInstance));
  console.error(`seed ${seed}, path ${counterexamplePath ?? ''}, ${images} images examined`);
  process.exit(1);
}
/**
 * Of this program alone. The `maxRSS` of Linux counts what the process was before it became this program, too: a copy of the one that
 * started it.
 */
const peakRssKib = (): number => {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS;
  const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kib === undefined) throw new Error('/proc/self/status does not tell VmHWM');
  return Number(kib);
};
const peakRssMib = Math.round(peakRssKib() / 1024);
console.log(
  JSON.stringify({
    seed,
    images,
    chains: chains.length,
    peakRssMib,
    slowestMs: Math.round(slowest.tookMs),
    slowest: slowest.story,
    tally: Object.fromEntries([...tally].sort((a, b) => b[1] - a[1])),
  }),
);
