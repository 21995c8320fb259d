import { resolve } from 'node:path';
import type { Command } from 'commander';
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
}

export const outputOf = (given: GivenOutput): OutputOptions => ({
  json: given.json === true,
  quiet: given.quiet === true,
});

export const rootsOf = ({ root }: GivenRoots): readonly string[] => (root ?? []).map((folder) => resolve(folder));

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
  command.option(
    '--root <DIR>',
    'a folder in or below which parents may lie, besides those of the images named; other children are looked for there, too; may be repeated',
    collected,
  );

export const withJson = (command: Command, what: string): Command => command.option('--json', what);

export const withQuiet = (command: Command): Command =>
  command.option('--quiet', 'say nothing but the result and what goes wrong');

/** `--root` must name folders: a misspelt one would look like a chain that is outside of them. */
export const assertFolders = async (
  folders: readonly string[],
  stat: (path: string) => Promise<{ readonly kind: string } | null>,
): Promise<void> => {
  for (const folder of folders) {
    const there = await stat(folder);
    if (there === null || there.kind === 'file') {
      throw new UsageError(`--root ${folder}: expected a folder, found ${there === null ? 'nothing' : 'a file'}.`);
    }
  }
};
