/**
 * Runs the properties, or replays one that failed.
 *
 *   npm run properties -- [--seed N] [--runs N] [--long] [files or vitest options, such as -t "part of a title"]
 *
 * Without files it takes everything under properties/. The same seed and the same code give the same cases.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, dirname } from 'node:path';
import { argv, env, execPath, exit, stderr } from 'node:process';
import { parseArgs } from 'node:util';

const { values, tokens } = parseArgs({
  args: argv.slice(2),
  options: { seed: { type: 'string' }, runs: { type: 'string' }, long: { type: 'boolean' } },
  strict: false,
  tokens: true,
});

for (const name of /** @type {const} */ (['seed', 'runs'])) {
  const value = values[name];
  if (value === undefined) continue;
  if (typeof value !== 'string' || !/^-?\d+$/.test(value)) {
    stderr.write(`--${name} takes a whole number.\n`);
    exit(2);
  }
  env[`CHAINFOLD_${name.toUpperCase()}`] = value;
}

const ours = new Set(
  tokens.flatMap((token) =>
    token.kind === 'option' && ['seed', 'runs', 'long'].includes(token.name)
      ? token.value !== undefined && !token.inlineValue
        ? [token.index, token.index + 1]
        : [token.index]
      : [],
  ),
);
const rest = argv.slice(2).filter((_, index) => !ours.has(index));
const namesFiles = rest.some((argument) => /^(domain|application|infrastructure|properties)\//.test(argument));

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const { status } = spawnSync(
  execPath,
  [
    vitest,
    'run',
    ...(values['long'] === true ? ['--config', 'vitest.long.config.ts'] : []),
    ...(namesFiles ? [] : ['properties/']),
    ...rest,
  ],
  { stdio: 'inherit' },
);
exit(status ?? 1);
