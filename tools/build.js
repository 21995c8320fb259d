/**
 * Compiles the product into dist/. Afterwards dist/ holds what the sources give and nothing else, and the program in it is executable.
 * A build that fails leaves the last good one as it was.
 *
 *   node tools/build.js [--if-stale]
 *
 * `--if-stale` does nothing when dist/ was built from exactly these sources. It goes by content: times lie after a checkout or a copy.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chdir, env, execPath, exit, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';

chdir(fileURLToPath(new URL('..', import.meta.url)));

const ENTRY = 'dist/infrastructure/cli/main.js';
const BUNDLE = 'dist/program';
const PROGRAM = 'dist/program/main.js';
const BUILT_FROM = 'dist/.built-from';
const SETTINGS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tools/build.js',
  'tools/bundle.js',
];

/** @param {string} directory */
const filesIn = (directory) =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
    : [];

const sources = [
  'index.ts',
  ...['domain', 'application', 'infrastructure']
    .flatMap(filesIn)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')),
];

const digest = createHash('sha256');
for (const file of [...SETTINGS, ...sources].filter((name) => existsSync(name))) {
  const content = readFileSync(file);
  digest.update(`${file}\0${content.length}\0`).update(content);
}
const builtFrom = digest.digest('hex');

const isFresh = () =>
  existsSync('dist/index.js') && existsSync(BUILT_FROM) && readFileSync(BUILT_FROM, 'utf8') === builtFrom;
if (process.argv.includes('--if-stale') && isFresh()) exit(0);

/** @type {string} */
let compiler;
try {
  compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
} catch {
  stderr.write('No compiler here (installed without devDependencies?): dist/ is not built.\n');
  // `npm ci --omit=dev` is no failure; a build that was asked for is.
  exit(env['npm_lifecycle_event'] === 'prepare' ? 0 : 1);
}
const { status } = spawnSync(execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status !== 0) exit(status ?? 1);

// Loaded only now: without devDependencies there is no bundler either, and nothing to bundle.
const { bundle } = await import('./bundle.js');
const bundled = await bundle(ENTRY, BUNDLE);

const expected = new Set([
  ...bundled,
  ...sources.flatMap((file) =>
    ['.js', '.js.map', '.d.ts'].map((ending) => join('dist', file.replace(/\.ts$/, ending))),
  ),
]);
for (const file of filesIn('dist')) if (!expected.has(file)) rmSync(file);
if (existsSync(PROGRAM)) chmodSync(PROGRAM, 0o755);
writeFileSync(BUILT_FROM, builtFrom);
