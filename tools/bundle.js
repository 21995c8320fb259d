/**
 * The command line as a few files instead of a thousand. Most of what a command costs before it does anything is Node finding, reading and
 * compiling modules one by one; bundled, the same code is there in less than half the time (docs/decisions/0020). The library stays as it
 * was compiled: whoever imports it shares our rxjs.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Native, or loaded from their own files: these stay packages. */
const EXTERNAL = ['koffi', '@photostructure/sqlite', '@kurrent/kurrentdb-client', 'pg', 'chainfold'];

/**
 * @param {string} entry the compiled program
 * @param {string} folder where the bundle goes
 * @returns {Promise<readonly string[]>} the files written
 */
export const bundle = async (entry, folder) => {
  const { metafile } = await build({
    entryPoints: { main: entry },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: EXTERNAL,
    // Packages in CommonJS ask for Node's own modules in this way.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    legalComments: 'none',
    // Names stay: a stack trace in a report is read by people.
    minify: false,
    metafile: true,
    logLevel: 'warning',
  });
  const notices = join(folder, 'THIRD-PARTY-NOTICES.txt');
  writeFileSync(notices, noticesOf(packagesIn(Object.keys(metafile.inputs))));
  return [...Object.keys(metafile.outputs), notices];
};

/** @param {readonly string[]} files */
const packagesIn = (files) => {
  const folders = files.map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(folders)].filter((folder) => folder !== undefined).sort();
};

/** The licences of the packages ask to be given on with their code. @param {readonly string[]} folders */
const noticesOf = (folders) => folders.map((folder) => `${'='.repeat(72)}\n${noticeOf(folder)}\n`).join('\n');

/** @param {string} folder */
const noticeOf = (folder) => {
  /** @type {{ name: string, version: string, license?: string }} */
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  if (license === undefined && texts.length === 0) throw new Error(`${name} says nothing of its licence.`);
  const words = texts
    .map((file) => join(folder, file))
    .filter(existsSync)
    .map((file) => readFileSync(file, 'utf8'));
  return [`${name} ${version} (${license ?? 'see below'})`, ...words].join('\n\n');
};
