/**
 * Does a merge take the memory of its windows, or of its disk? Merges the same few blocks in a disk of 1 GiB and in one of 64 TiB,
 * one after the other in each round, and prints time and peak memory of `plan` and `merge`, and their ratios. Blocks are of
 * 1 MiB: a BAT of 512 MiB in each of the two files. Nothing passes or fails; the figures are for people.
 *
 * Run: npm run bench:sparse [ROUNDS]     (the built program, so `npm run build` first)
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePlainVhdx, type PlainPayload } from '../properties/models/plain-vhdx.js';

const ROUNDS = Number(process.argv[2] ?? 3);
const PROGRAM = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const MIB = 1024 ** 2;
const SIZES = { '1 GiB': 1024 ** 3, '64 TiB': 64 * 1024 ** 4 } as const;
type Size = keyof typeof SIZES;

const guid = (n: number): string => `5ba25e00-0000-4000-8000-00000000000${String(n)}`;
const full = (fill: number): PlainPayload => ({
  state: 6,
  content: [{ firstSector: 0, bytes: new Uint8Array(MIB).fill(fill) }],
});

/** Sixteen blocks at both ends of the disk; the base has every other one. */
const writeChain = (folder: string, sizeBytes: number): { readonly child: string; readonly base: string } => {
  const last = sizeBytes / MIB - 1;
  const blocks = Array.from({ length: 8 }, (_, n) => [n, last - n]).flat();
  const common = { dialect: 'windows', sizeBytes, blockSizeBytes: MIB, logicalSectorBytes: 512 } as const;
  const [child, base] = [join(folder, 'child.vhdx'), join(folder, 'base.vhdx')];
  writePlainVhdx(base, {
    ...common,
    type: 'dynamic',
    dataWriteGuid: guid(1),
    payload: new Map(blocks.filter((_, n) => n % 2 === 0).map((block) => [block, full(1)])),
  });
  writePlainVhdx(child, {
    ...common,
    type: 'differencing',
    dataWriteGuid: guid(2),
    parent: { fileName: 'base.vhdx', dataWriteGuid: guid(1) },
    payload: new Map(blocks.map((block) => [block, full(2)])),
  });
  return { child, base };
};

interface Measured {
  readonly seconds: number;
  readonly peakMib: number;
}

/** Linux tells a process's peak while it lives: asked often, so that the last answer is near the end. */
const measured = async (args: readonly string[]): Promise<Measured> => {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  let peakMib = 0;
  const asking = setInterval(() => {
    peakMib = Math.max(peakMib, peakOf(child.pid));
  }, 5);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(asking);
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${String(code)}`);
  return { seconds: (performance.now() - startedAt) / 1000, peakMib };
};

const peakOf = (pid: number | undefined): number => {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
    return line === null ? 0 : Number(line[1]) / 1024;
  } catch (fault) {
    // It has ended between two questions.
    if (['ENOENT', 'ESRCH'].includes((fault as NodeJS.ErrnoException).code ?? '')) return 0;
    throw fault;
  }
};

const results = new Map<string, Measured[]>();
const note = (name: string, result: Measured): void => {
  results.set(name, [...(results.get(name) ?? []), result]);
  console.log(`${name}: ${result.seconds.toFixed(2)} s, ${result.peakMib.toFixed(0)} MiB`);
};

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'} × ${cpus().length}, Linux ${release()}, Node ${process.version}`,
);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const size of Object.keys(SIZES) as Size[]) {
    const folder = mkdtempSync(join(tmpdir(), 'chainfold-sparse-'));
    try {
      const { child, base } = writeChain(folder, SIZES[size]);
      const journal = ['--journal', join(folder, 'journal.db')];
      note(`plan  ${size}`, await measured(['plan', child, base, ...journal]));
      note(`merge ${size}`, await measured(['merge', child, base, '--quiet', ...journal]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? NaN;
for (const command of ['plan ', 'merge']) {
  const [small, large] = (Object.keys(SIZES) as Size[]).map((size) => results.get(`${command} ${size}`) ?? []);
  if (small === undefined || large === undefined) continue;
  const ratio = (of: keyof Measured): string =>
    (median(large.map((one) => one[of])) / median(small.map((one) => one[of]))).toFixed(2);
  console.log(
    `${command} 64 TiB / 1 GiB, medians of ${ROUNDS}: time ${ratio('seconds')}, peak memory ${ratio('peakMib')}`,
  );
}
