export interface Clock {
  /** Milliseconds since 1970: only for what is written down, never for an order. */
  now(): number;
  /** Milliseconds that only grow: for intervals. */
  monotonic(): number;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}
