import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { DEFAULT_MERGE_OPTIONS } from '#application/use-cases/merge-options';
import type { MergeOptions, ReparentMode, RetireMode, VerifyMode } from '#domain/merge-job/events';
import { bytesArgument, rateArgument, secondsArgument } from './bytes-argument.js';
import { UsageError } from './exit-codes.js';
import { collected, mapsOf, rootsOf, withRoots, type GivenRoots } from './output-options.js';

export interface GivenMergeOptions extends GivenRoots {
  readonly journalWait?: number;
  readonly verify: VerifyMode;
  readonly retire: RetireMode;
  readonly reparent: ReparentMode;
  readonly allowSibling?: readonly string[];
  readonly allowSuperseded?: true;
  readonly window?: number;
  readonly rate?: number;
}

export interface GivenLimits {
  readonly journalWait?: number;
  readonly window?: number;
  readonly rate?: number;
}

export const withLimits = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--window <BYTES>',
        'copied and made durable together, at most (or what a second brings); default: 64M',
      ).argParser(bytesArgument),
    )
    .addOption(new Option('--rate <BYTES/S>', 'copy no faster than this').argParser(rateArgument))
    .addOption(
      new Option(
        '--journal-wait <SECONDS>',
        'when the journal goes away, wait for it no longer than this; default: as long as it takes',
      ).argParser(secondsArgument),
    );

/** What the program is put together with, of these options. */
export const journalWaitOf = ({ journalWait }: GivenLimits): { readonly journalWaitMs: number | null } => ({
  journalWaitMs: journalWait === undefined ? null : journalWait * 1000,
});

export const withMergeOptions = (command: Command): Command =>
  withRoots(
    withLimits(
      command
        .addOption(
          new Option('--verify <MODE>', 'read back the merged blocks, or the whole disk too, or nothing')
            .choices(['blocks', 'full', 'none'])
            .default('blocks'),
        )
        .addOption(
          new Option('--retire <MODE>', 'what becomes of the merged images after verification')
            .choices(['keep', 'quarantine', 'delete'])
            .default('keep'),
        )
        .addOption(
          new Option(
            '--reparent <MODE>',
            'children of the source get the destination as their parent, or stop the merge',
          )
            .choices(['auto', 'none'])
            .default('auto'),
        )
        .option(
          '--allow-sibling <PATH>',
          'merge although this disk loses its parent’s data; may be repeated',
          collected,
        )
        .option('--allow-superseded', 'merge although this source was merged into this destination before'),
    ),
  );

export const mergeOptionsOf = (given: GivenMergeOptions): MergeOptions => {
  const { verify, retire, reparent } = given;
  const maps = mapsOf(given);
  if (verify === 'none' && retire !== 'keep') {
    throw new UsageError(
      `--retire ${retire} cannot go with --verify none: a source is only ${retire === 'delete' ? 'removed' : 'renamed'} after the merged blocks were read back. Use --verify blocks or --retire keep.`,
    );
  }
  return {
    verify,
    retire,
    reparent,
    allowedSiblings: (given.allowSibling ?? []).map((path) => resolve(path)),
    allowSuperseded: given.allowSuperseded === true,
    windowBytes: given.window ?? DEFAULT_MERGE_OPTIONS.windowBytes,
    rateBytesPerSecond: given.rate ?? null,
    roots: rootsOf(given),
    ...(maps.length === 0 ? {} : { maps }),
  };
};
