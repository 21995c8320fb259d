import { PassThrough } from 'node:stream';
import { run } from '../../infrastructure/cli/program.js';
import { LineWriter } from '../../infrastructure/cli/terminal.js';

export type Printed = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A command of the program in this process, with all that it prints: a hundred of them take the time of three that are started. */
export const printed = async (...words: readonly string[]): Promise<Printed> => {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const texts = { stdout: '', stderr: '' };
  out.on('data', (text: Buffer) => (texts.stdout += text.toString()));
  err.on('data', (text: Buffer) => (texts.stderr += text.toString()));
  const code = await run(words, { out: new LineWriter(out), err: new LineWriter(err) });
  return { code, ...texts };
};
