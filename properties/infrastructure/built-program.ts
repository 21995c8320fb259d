import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

/** The built program as a user starts it; the test run builds it first and names it in CHAINFOLD_BIN. */
export const programPath = (): string => {
  const path = process.env.CHAINFOLD_BIN;
  if (path === undefined) throw new Error('CHAINFOLD_BIN does not name the built program');
  return path;
};

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs a command of the program to its end. */
export const run = async (args: readonly string[], options: SpawnOptions = {}): Promise<Ended> => {
  const child = spawn(process.execPath, [programPath(), ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  child.stdout?.on('data', (text: Buffer) => (texts.stdout += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (texts.stderr += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
};

/** The last line of `--json` output: the result. */
export const resultOf = ({ stdout }: Ended): Record<string, unknown> =>
  JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
