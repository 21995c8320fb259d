import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ParentSearch } from '#application/chain/allowed-roots';
import { isFault } from '#application/ports/file-system';
import { isMappable, type PathMap } from '#domain/chain/path-map';
import { UsageError, type ExitCode } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/** What every command's action needs from around it. */
export interface CliContext {
  readonly terminal: Terminal;
  /** Says how the command ended. */
  readonly end: (code: ExitCode) => void;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
}

/** As commander hands them over: what was not given is not there. */
export interface GivenOutput {
  readonly json?: true;
  readonly quiet?: true;
}

export interface GivenJournal {
  readonly journal?: string;
}

export interface GivenKey {
  readonly key?: string;
}

export interface GivenRoots {
  readonly root?: readonly string[];
  readonly map?: readonly string[];
}

export const outputOf = (given: GivenOutput): OutputOptions => ({
  json: given.json === true,
  quiet: given.quiet === true,
});

export const rootsOf = ({ root }: GivenRoots): readonly string[] => (root ?? []).map((folder) => resolve(folder));

/** `STORED=FOLDER`, split at the first `=`. */
export const mapsOf = ({ map }: GivenRoots): readonly PathMap[] =>
  (map ?? []).map((words) => {
    const cut = words.indexOf('=');
    const [stored, folder] = [words.slice(0, Math.max(cut, 0)), words.slice(cut + 1)];
    if (!isMappable(stored) || folder === '') throw new UsageError(malformedMap(words));
    return { stored, path: resolve(folder) };
  });

const malformedMap = (words: string): string =>
  `--map ${words}: expected a drive, a folder on a drive, a share or a volume as Windows writes it, then = and a folder here. ` +
  "Examples: --map 'C:\\VMs=/srv/vms' --map '\\\\server\\share=/mnt/share'";

/** Where parents are looked for, by what was given. */
export const searchOf = (given: GivenRoots): ParentSearch => ({ roots: rootsOf(given), maps: mapsOf(given) });

export const collected = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

export const withJournal = (command: Command): Command =>
  command.option(
    '--journal <URL>',
    "where jobs are recorded: sqlite:PATH or a path, postgres://USER@HOST/DATABASE, kurrentdb://HOST:PORT (or kurrentdb+discover://…), memory: for a trial; default: $CHAINFOLD_JOURNAL, else this user's own journal",
  );

/** For commands that append: what they append at the end of a run is signed. */
export const withKey = (command: Command): Command =>
  command.option(
    '--key <FILE>',
    "the Ed25519 private key (PEM) that signs the record, made if missing; default: $CHAINFOLD_KEY, else audit-key.pem beside this user's own journal",
  );

export const withRoots = (command: Command): Command =>
  command
    .option(
      '--root <DIR>',
      'a folder in or below which parents may lie, besides those of the images named; other children are looked for there, too; may be repeated',
      collected,
    )
    .option(
      '--map <STORED=DIR>',
      "where a path that Windows stored lies here: 'C:\\VMs=/srv/vms', '\\\\server\\share=/mnt/share'; DIR is a --root as well; may be repeated",
      collected,
    );

export const withJson = (command: Command, what: string): Command => command.option('--json', what);

export const withQuiet = (command: Command): Command =>
  command.option('--quiet', 'say nothing but the result and what goes wrong');

type Look = (path: string) => Promise<{ readonly kind: string } | null>;

/** `--root` must name folders: a misspelt one would look like a chain that is outside of them. */
export const assertFolders = async (folders: readonly string[], stat: Look, option = '--root'): Promise<void> => {
  for (const folder of folders) {
    const there = await lookedAt(folder, stat);
    if (there === null || there.kind === 'file') {
      throw new UsageError(
        `${option}${option.endsWith('=') ? '' : ' '}${folder}: expected a folder, found ${there === null ? 'nothing' : 'a file'}.`,
      );
    }
  }
};

/** The same for everything that says where parents lie. */
export const assertSearch = async ({ roots, maps = [] }: ParentSearch, stat: Look): Promise<void> => {
  await assertFolders(roots, stat);
  for (const { stored, path } of maps) await assertFolders([path], stat, `--map ${stored}=`);
};

/** A person may name a folder by way of a link, which `stat` does not follow; it is resolved where the folder is used. */
const lookedAt = async (folder: string, stat: Look): Promise<{ readonly kind: string } | null> => {
  try {
    return await stat(folder);
  } catch (fault) {
    if (isFault(fault, 'not-a-file')) return { kind: 'link' };
    throw fault;
  }
};
