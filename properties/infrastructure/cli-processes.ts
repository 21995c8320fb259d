/** Processes of the built program that are met on their way: read, signalled, left alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { programPath } from './built-program.js';

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

export type Environment = { readonly cwd: string; readonly journal: string };

/** Which processes may be looked into is the machine's affair: a test elsewhere sees no such warning. */
const WHAT_THIS_HOST_HIDES = /^chainfold: warning: This user may not look into .*\n/gm;

/** A process of the program, with what it has said so far. */
export class Started {
  private out = '';
  private err = '';
  private readonly closed: Promise<unknown>;

  constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.closed = once(child, 'close');
  }

  /** Waits until stdout holds something that fits. Fails when the program ends first. */
  async says(words: RegExp): Promise<string> {
    for (;;) {
      const found = words.exec(this.out);
      if (found !== null) return found[1] ?? found[0];
      if (this.child.exitCode !== null) throw new Error(`it ended without ${String(words)}: ${this.out}${this.err}`);
      await Promise.race([this.child.stdout === null ? this.closed : once(this.child.stdout, 'data'), this.closed]);
    }
  }

  async end(): Promise<Ended> {
    await this.closed;
    return { code: this.child.exitCode, out: this.out, err: this.err.replace(WHAT_THIS_HOST_HIDES, '') };
  }
}

export const start = (words: readonly string[], { cwd, journal }: Environment): Started =>
  new Started(
    spawn(process.execPath, [programPath(), ...words], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CHAINFOLD_JOURNAL: journal },
    }),
  );

export const ran = (words: readonly string[], environment: Environment): Promise<Ended> =>
  start(words, environment).end();

export const jsonLines = (text: string): readonly { readonly type: string; readonly [field: string]: unknown }[] =>
  text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly type: string });
