/** The beginning and the end of a long list; all of a short one is in `first`. */
export interface Excerpt<T> {
  readonly count: number;
  readonly first: readonly T[];
  /** Empty when nothing was left out. */
  readonly last: readonly T[];
}

export const leftOut = ({ count, first, last }: Excerpt<unknown>): number => count - first.length - last.length;

/** Takes any number of items and keeps a bounded number: all up to `whole`, of more the first and the last `ends`. */
export class ExcerptOf<T> {
  private count = 0;
  private readonly first: T[] = [];
  private last: T[] = [];

  constructor(
    private readonly whole: number,
    private readonly ends: number,
  ) {}

  add(item: T): void {
    this.count += 1;
    if (this.first.length < this.whole) this.first.push(item);
    this.last.push(item);
    // Cut now and then instead of shifting each time.
    if (this.last.length >= 2 * this.ends) this.last = this.last.slice(-this.ends);
  }

  excerpt(): Excerpt<T> {
    if (this.count <= this.whole) return { count: this.count, first: [...this.first], last: [] };
    return { count: this.count, first: this.first.slice(0, this.ends), last: this.last.slice(-this.ends) };
  }
}
