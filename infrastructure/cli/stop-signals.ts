/** Ctrl-C and a polite kill ask for the next durable point. A second one changes nothing: the answer is already on its way. */
export class StopSignals {
  private count = 0;
  private readonly onSignal = (): void => {
    this.count += 1;
    if (this.count === 1) this.first();
    else this.again();
  };

  constructor(
    private readonly first: () => void,
    private readonly again: () => void,
  ) {
    for (const signal of SIGNALS) process.on(signal, this.onSignal);
  }

  get received(): boolean {
    return this.count > 0;
  }

  stopListening(): void {
    for (const signal of SIGNALS) process.off(signal, this.onSignal);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
