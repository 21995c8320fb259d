/** Is this `npm run test:long`? */
export const isLong = process.env.CHAINFOLD_BUDGET === 'long';

/** How often a property is tried: in `npm test`, and in `npm run test:long`, which runs the same properties with more patience. */
export const runs = (short: number, long: number): { readonly numRuns: number } => ({
  numRuns: isLong ? long : short,
});

/** How long such a property may take, in milliseconds. */
export const PATIENCE_MS = isLong ? 3_600_000 : 240_000;

/** In `npm test` every third call, another third with each seed; in `npm run test:long` every one. */
const STRIDE = isLong ? 1 : 3;

/** The calls, of those from `first` to `end`, before which the power is lost. */
export function* powerLosses(first: number, end: number): Generator<number> {
  const seed = Number(process.env.CHAINFOLD_SEED ?? 0);
  for (let call = first + (seed % STRIDE); call < end; call += STRIDE) yield call;
}
