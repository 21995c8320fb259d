/** Starts the program that examines hostile images, and reads its last line. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { childProgram } from '../product/child-program.js';

export type ImagesRun = {
  readonly seed: number;
  readonly images: number;
  readonly chains: number;
  readonly peakRssMib: number;
  readonly slowestMs: number;
  readonly slowest: readonly string[];
  /** By outcome, by outcome of the merge, by known difference, and how many were on real files. */
  readonly tally: Readonly<Record<string, number>>;
};

/** The bound on memory is for what is alive: garbage is collected before it is much. */
const SMALL_HEAP = ['--max-semi-space-size=16', '--expose-gc'];

export const runMutatedImages = async (seed: number, count: number, budget: 'short' | 'long'): Promise<ImagesRun> => {
  const program = childProgram(new URL('./run-mutated-images.ts', import.meta.url));
  const child = spawn(process.execPath, [...SMALL_HEAP, program, String(seed), String(count), budget], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve(signal ?? String(code));
    });
  });
  if (ended !== '0') throw new Error(`The run with seed ${seed} ended with ${ended}.\n${errors}${out}`);
  for (const line of errors.split('\n')) if (line.startsWith('left out:')) console.warn(line);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as ImagesRun;
};

/** How many were merged to the end, and how many merges were tried. */
export const mergesOf = ({ tally }: ImagesRun): { readonly tried: number; readonly completed: number } => ({
  tried: Object.entries(tally).reduce((sum, [what, count]) => (what.startsWith('merge ') ? sum + count : sum), 0),
  completed: tally['merge completed'] ?? 0,
});
