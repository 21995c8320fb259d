/** How often a property is tried: in `npm test`, and in `npm run test:long`, which runs the same properties with more patience. */
export const runs = (short: number, long: number): { readonly numRuns: number } => ({
  numRuns: process.env.CHAINFOLD_BUDGET === 'long' ? long : short,
});

/** How long such a property may take, in milliseconds. */
export const PATIENCE_MS = process.env.CHAINFOLD_BUDGET === 'long' ? 3_600_000 : 240_000;
