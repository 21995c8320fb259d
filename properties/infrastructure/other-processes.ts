/** Other programs that hold a file: processes of our own, and QEMU's. */
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { childProgram } from '../product/child-program.js';
import type { Order, Reply } from './locking-process.js';

const PROGRAM = childProgram(new URL('locking-process.ts', import.meta.url));

export class LockingProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<LockingProcess> {
    const child = fork(PROGRAM, { execArgv: [] });
    await once(child, 'message');
    return new LockingProcess(child);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async ask(order: Order): Promise<Reply> {
    const reply = once(this.#child, 'message') as Promise<[Reply]>;
    this.#child.send(order);
    return (await reply)[0];
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const end = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await end;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }
}

/** `qemu-io` with the image open for as long as `use` runs. */
export const whileQemuHas = async <T>(args: readonly string[], use: (pid: number) => Promise<T>): Promise<T> => {
  const child = spawn('qemu-io', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const answered = once(child.stdout, 'data');
    child.stdin.write('length\n');
    await answered;
    return await use(child.pid!);
  } finally {
    const end = once(child, 'exit');
    child.stdin.end('quit\n');
    await end;
  }
};

/** What qemu-io says on opening the image and reading a sector of it. */
export const qemuOpens = (args: readonly string[]): string => {
  const { stderr, stdout } = spawnSync('qemu-io', ['-c', 'read 0 512', ...args], { encoding: 'utf8' });
  return `${stderr}${stdout}`;
};

export const makeVhd = (path: string): void => {
  execFileSync('qemu-img', ['create', '-q', '-f', 'vpc', '-o', 'subformat=dynamic', path, '16M']);
};
