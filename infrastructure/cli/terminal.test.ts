import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LineWriter } from './terminal.js';

/** Takes lines only when it is told to. */
class SlowReader extends Writable {
  readonly taken: string[] = [];
  private held: (() => void) | null = null;

  constructor(private readonly problem: NodeJS.ErrnoException | null = null) {
    super({ highWaterMark: 8 });
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.held = () => {
      this.taken.push(chunk.toString());
      done(this.problem);
    };
  }

  read(): void {
    const { held } = this;
    this.held = null;
    held?.();
  }
}

const broken = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`write ${code}`), { code });

describe('a line writer', () => {
  it('makes whoever awaits a line wait for a slow reader', async () => {
    const reader = new SlowReader();
    const writer = new LineWriter(reader);
    let isTaken = false;
    const line = writer.line('a long line').then(() => (isTaken = true));
    await turn();
    expect([isTaken, writer.drained]).toEqual([false, false]);
    reader.read();
    await line;
    expect([isTaken, writer.drained, reader.taken]).toEqual([true, true, ['a long line\n']]);
  });

  it('goes on without a word when nobody reads any more', async () => {
    const reader = new SlowReader(broken('EPIPE'));
    const writer = new LineWriter(reader);
    const line = writer.line('a long line');
    reader.read();
    await line;
    await writer.line('another');
    await writer.flushed();
    expect([writer.drained, writer.problem]).toEqual([true, null]);
  });

  it('remembers what else kept lines from being read', async () => {
    const reader = new SlowReader(broken('ENOSPC'));
    const writer = new LineWriter(reader);
    const line = writer.line('a long line');
    reader.read();
    await line;
    expect(writer.problem?.message).toBe('write ENOSPC');
  });
});
