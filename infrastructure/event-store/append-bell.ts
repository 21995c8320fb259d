/**
 * Wakes those who wait for new events when somebody in this process appends, so that a watcher beside the merge does not lag
 * by a polling interval. A hint only: whoever waits looks at the store itself afterwards, and looks again after `milliseconds`
 * for what other processes appended.
 */
export class AppendBell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next ring, when the time is over, or when the signal aborts; never rejects. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      signal.addEventListener('abort', wake);
      this.#waiting.add(wake);
    });
  }
}

/** How soon an append of another process is seen. */
export const POLL_MS = 100;

const bells = new Map<string, AppendBell>();

/** The bell of a journal file, one for all stores of this process that have it open under this path. */
export const bellOf = (path: string): AppendBell => {
  const bell = bells.get(path) ?? new AppendBell();
  bells.set(path, bell);
  return bell;
};
