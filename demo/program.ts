/** The built command line, started as a shell would start it. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));

/** Something was not as promised; the message says what. */
export class Broken extends Error {}

export const promised = (isSo: boolean, what: string): void => {
  if (!isSo) throw new Broken(what);
};

type Running = ChildProcessByStdio<null, Readable, Readable>;

/** Prints a text with the folder's long name as DIR. */
export const say = (text: string, folder: string): void => console.log(text.replaceAll(folder, 'DIR'));

/** `chainfold …` with the disks of one folder, and a journal of its own in it. */
export class Chainfold {
  constructor(private readonly folder: string) {
    promised(existsSync(PROGRAM), 'the program is not built: run `npm run build` first');
  }

  /** Shows the command line, runs it, and gives what it printed. Its exit code is to be 0. */
  async run(...words: readonly string[]): Promise<string> {
    say(`\n$ chainfold ${words.join(' ')}`, this.folder);
    const child = this.start(words);
    let out = '';
    let err = '';
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (err += text.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    promised(code === 0, `\`chainfold ${words[0] ?? ''}\` ended with exit code ${String(code)}:\n${err}`);
    return out.trimEnd();
  }

  /** Runs a command with --json and kills it with SIGKILL at the first line that `isEnough`. Gives that line. */
  async killedWhen<Line>(words: readonly string[], isEnough: (line: Line) => boolean): Promise<Line> {
    say(`\n$ chainfold ${words.join(' ')}`, this.folder);
    const child = this.start(words);
    const enough: Line[] = [];
    let err = '';
    child.stderr.on('data', (text: Buffer) => (err += text.toString()));
    createInterface(child.stdout).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      if (enough.length > 0 || !isEnough(line)) return;
      enough.push(line);
      child.kill('SIGKILL');
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    const [last] = enough;
    if (last === undefined)
      throw new Broken(`the merge ended with exit code ${String(code)} before it was killed:\n${err}`);
    promised(signal === 'SIGKILL', 'the merge ended by itself before the kill struck: lower the rate');
    return last;
  }

  private start(words: readonly string[]): Running {
    return spawn(process.execPath, [PROGRAM, ...words], {
      env: { ...process.env, CHAINFOLD_JOURNAL: join(this.folder, 'journal.db') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}
