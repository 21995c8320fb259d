import type { WriteStream } from 'node:tty';
import { once } from 'node:events';

/** What the process's stdout and stderr have in common with a stream in a test. */
export type TextStream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

/**
 * Lines to a reader who may be slow or gone. Neither is a reason to stop a merge: a slow one is waited for only by whoever awaits
 * `line`, and when there is none any more (EPIPE), lines go nowhere.
 */
export class LineWriter {
  private gone = false;
  private failure: Error | null = null;

  constructor(readonly stream: TextStream) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.gone = true;
      if (error.code !== 'EPIPE') this.failure = error;
    });
  }

  get isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  /** Has everything been handed on? */
  get drained(): boolean {
    return this.gone || this.waiting === 0;
  }

  /** What kept a reader who wants to read from reading: a full disk, for example. Null for one who only left. */
  get problem(): Error | null {
    return this.failure;
  }

  /** Is there nobody any more who reads? */
  get isLeft(): boolean {
    return this.gone;
  }

  /** Resolves when the stream takes more. */
  async line(text: string): Promise<void> {
    if (this.gone || this.stream.write(`${text}\n`)) return;
    await this.takesMore();
  }

  /** Resolves when everything was handed to the operating system, or nobody reads any more. */
  async flushed(): Promise<void> {
    if (this.gone) return;
    await new Promise<void>((resolve) => {
      this.stream.once('error', () => resolve());
      this.stream.write('', () => resolve());
    });
  }

  private get waiting(): number {
    return 'writableLength' in this.stream ? Number(this.stream.writableLength) : 0;
  }

  private async takesMore(): Promise<void> {
    try {
      await once(this.stream, 'drain');
    } catch (error) {
      if (!this.gone) throw error;
    }
  }
}

export interface Terminal {
  readonly out: LineWriter;
  readonly err: LineWriter;
}

export const processTerminal = (): Terminal => ({
  out: new LineWriter(process.stdout),
  err: new LineWriter(process.stderr),
});
