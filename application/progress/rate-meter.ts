import type { Clock } from '../ports/clock.js';

const SPAN_MS = 10_000;
const SAMPLE_MS = 250;

/** Bytes per second over the last ten seconds, from samples a quarter of a second apart: bounded memory, no timer. */
export class RateMeter {
  private readonly samples: { readonly at: number; readonly bytes: number }[] = [];
  private total = 0;

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {
    this.samples.push({ at: clock.monotonic(), bytes: 0 });
  }

  /** Counts bytes; returns the rate, or null as long as too little time has passed to tell. */
  add(bytes: number): number | null {
    this.total += bytes;
    const now = this.clock.monotonic();
    if (now - this.samples.at(-1)!.at >= SAMPLE_MS) this.samples.push({ at: now, bytes: this.total });
    while (this.samples.length > 2 && now - this.samples[0]!.at > SPAN_MS) this.samples.shift();
    const first = this.samples[0]!;
    const elapsed = now - first.at;
    return elapsed < SAMPLE_MS ? null : Math.round(((this.total - first.bytes) / elapsed) * 1000);
  }
}
