import fc from 'fast-check';

/**
 * CHAINFOLD_SEED: set by vitest.config.ts when the caller has not.
 * CHAINFOLD_RUNS: cases for each property that does not name a number of its own.
 */
const wholeNumber = (name: string): number | undefined => {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw new Error(`${name} must be a whole number, not "${text}".`);
  return Number(text);
};

const seed = wholeNumber('CHAINFOLD_SEED');
const numRuns = wholeNumber('CHAINFOLD_RUNS');
fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  ...(seed === undefined ? {} : { seed }),
  ...(numRuns === undefined ? {} : { numRuns }),
});
