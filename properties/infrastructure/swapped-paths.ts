import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInside } from '../../application/chain/paths.js';
import { FileSystemFault, type OpenFile } from '../../application/ports/file-system.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';

/**
 * A folder in which another process swaps a file, and a folder of it, for links to what lies outside, as fast as it can, while this one
 * resolves, checks and opens a path in it over and over.
 */

export type Arena = { readonly root: string; readonly paths: readonly string[]; readonly outside: string };

/** `root/folder/image` and `root/image`; beside them, with names of their own, links to the outside. */
export const arenaIn = (scratch: string): Arena => {
  const base = mkdtempSync(join(scratch, 'swapped-'));
  const [root, outside] = [join(base, 'root'), join(base, 'outside')];
  mkdirSync(join(root, 'folder'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'image'), 'OUTSIDE');
  writeFileSync(join(root, 'folder', 'image'), 'INSIDE!');
  writeFileSync(join(root, 'image'), 'INSIDE!');
  symlinkSync(outside, join(root, 'folder.link'));
  symlinkSync(join(outside, 'image'), join(root, 'image.link'));
  return { root, paths: [join(root, 'folder', 'image'), join(root, 'image')], outside: join(outside, 'image') };
};

/** Changes places of the real thing and of the link, for ever; each name is missing for a moment in between. */
const SWAPPER = `
const { renameSync: rename } = require('node:fs');
const swap = (name) => { rename(name, name + '.real'); rename(name + '.link', name); };
const back = (name) => { rename(name, name + '.link'); rename(name + '.real', name); };
process.stdout.write('begun');
for (;;) { swap('folder'); swap('image'); back('folder'); back('image'); }
`;

/** Swaps as long as \`during\` takes. */
export const whileSwapping = async <T>({ root }: Arena, during: () => Promise<T>): Promise<T> => {
  const swapper = spawn(process.execPath, ['-e', SWAPPER], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(swapper, 'exit');
  try {
    await once(swapper.stdout, 'data');
    return await during();
  } finally {
    swapper.kill('SIGKILL');
    await ended;
  }
};

export type Outcomes = { inside: number; outside: number; refused: number; missing: number };

export type Opener = (realPath: string) => Promise<Pick<OpenFile, 'stat' | 'close'>>;

/** Resolves, checks and opens, as opening a parent does; what was opened is told by device and inode, not by its name. */
export const openedWhileSwapped = async (arena: Arena, opens: number, open: Opener): Promise<Outcomes> => {
  const files = new NodeFileSystem();
  const { dev, ino } = statSync(arena.outside, { bigint: true });
  const outcomes: Outcomes = { inside: 0, outside: 0, refused: 0, missing: 0 };
  for (let n = 0; n < opens; n++) {
    try {
      const real = await files.realPath(arena.paths[n % arena.paths.length]!);
      if (!isInside(real, arena.root)) {
        outcomes.refused += 1;
        continue;
      }
      const file = await open(real);
      const stat = await file.stat();
      await file.close();
      outcomes[stat.dev === String(dev) && stat.ino === String(ino) ? 'outside' : 'inside'] += 1;
    } catch (fault) {
      if (!(fault instanceof FileSystemFault)) throw fault;
      if (fault.code === 'not-found') outcomes.missing += 1;
      else if (fault.code === 'not-a-file') outcomes.refused += 1;
      else throw fault;
    }
  }
  return outcomes;
};
