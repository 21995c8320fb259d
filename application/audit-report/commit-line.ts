import type { Timeline, TimelinePoint } from './report.js';

/** A line of so many steps is as fine as a printed page shows. */
const MOST_POINTS = 400;

/**
 * Committed bytes over time in bounded memory. When there are too many points, the bytes are cut into equal spans and each keeps
 * its first point: every point that is left is a true one, and nowhere is the line lower than it was by more than a span. Spans of
 * time would not do: a night between two runs takes as many as a week of work.
 */
export class CommitLine {
  private points: TimelinePoint[] = [];
  private spanBytes = 0;

  add(at: number, bytes: number): void {
    const last = this.points.at(-1);
    if (last?.bytes === bytes) return;
    // A clock that was set back must not turn the line back.
    const point = { at: Math.max(at, last?.at ?? at), bytes };
    if (last !== undefined && this.points.length > 1 && (last.at === point.at || !this.isFirst(this.points.length - 1)))
      this.points.pop();
    this.points.push(point);
    while (this.points.length > MOST_POINTS) this.coarsen();
  }

  timeline(): Timeline {
    return { points: [...this.points], spanBytes: this.spanBytes };
  }

  /** Is it the first point of its span? The newest point need not be: it stands there until the next one comes. */
  private isFirst(index: number): boolean {
    const [before, point] = [this.points[index - 1], this.points[index]];
    if (this.spanBytes === 0 || before === undefined || point === undefined) return true;
    return this.spanOf(before.bytes) !== this.spanOf(point.bytes);
  }

  private spanOf(bytes: number): number {
    return Math.floor(bytes / this.spanBytes);
  }

  private coarsen(): void {
    const most = this.points.at(-1)?.bytes ?? 0;
    this.spanBytes = Math.max(this.spanBytes * 2, Math.ceil((2 * most) / MOST_POINTS));
    const newest = this.points.length - 1;
    this.points = this.points.filter((_, index) => index === newest || this.isFirst(index));
  }
}
