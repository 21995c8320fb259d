import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { FolderScan } from '#application/use-cases/scan-folder';
import type { JobPorts } from '#application/scan/jobs-here';
import type { ImageProgram } from '../container/compose.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, UsageError, type ExitCode } from './exit-codes.js';
import {
  assertSearch,
  searchOf,
  withJournal,
  withJson,
  withQuiet,
  withRoots,
  type CliContext,
  type GivenJournal,
  type GivenOutput,
  type GivenRoots,
} from './output-options.js';
import { printable, printableJson } from './printable.js';
import { scanDot } from './scan-dot.js';
import { SCAN_JSON_SHAPE, scanJson } from './scan-json.js';
import { isBroken, rowsOf } from './scan-summary.js';
import { scanText } from './scan-text.js';
import type { Terminal } from './terminal.js';
import { withImages, withProgram } from './with-program.js';

type Given = GivenOutput & GivenJournal & GivenRoots & { readonly dot?: true };

export const addScanCommand = (program: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(withRoots(withJournal(program.command('scan'))), 'one JSON object; its shape is told below').option(
      '--dot',
      'a graph for Graphviz: red is broken, orange is worth a look',
    ),
  )
    .summary('draw the chains of a folder')
    .description(
      'Draws all chains in a folder and the folders below it, the base first, and says what is wrong: parents that are not found,\n' +
        'broken links, damaged images, copies, what merges left over, jobs that are not finished. Links are not followed. Changes\n' +
        'nothing. Exit code 1 when an image is broken (an orphan, a broken link, damage); the rest does not count.',
    )
    .argument('<DIR>', 'a folder with virtual disks in it or below it')
    .addHelpText(
      'after',
      `\nWith --json: ${SCAN_JSON_SHAPE}\n\nExamples:\n  chainfold scan /vm\n  chainfold scan /vm --root /srv/base-images --quiet\n  chainfold scan /vm --dot | dot -Tsvg > chains.svg`,
    )
    .action(async (folder: string, given: Given) => end(await scan(resolve(folder), given, terminal)));
};

const scan = async (folder: string, given: Given, terminal: Terminal): Promise<ExitCode> => {
  if (given.dot === true && given.json === true) throw new UsageError('--dot and --json: choose one of them.');
  const look = async (program: ImageProgram, journal: JobPorts | null): Promise<ExitCode> => {
    const search = searchOf(given);
    await assertSearch(search, (path) => program.ports.files.stat(path));
    const found = await program.scanFolder.scan(folder, search, journal);
    if (!found.ok) {
      await printError(terminal, found.error);
      return exitCodeOf(found.error);
    }
    for (const { jobId, why } of found.value.unreadableJobs)
      await terminal.err.line(`chainfold: warning: ${printable(`job ${jobId} is passed over: ${why}`)}`);
    for (const line of linesOf(found.value, given, journal !== null, program.ports.clock.now()))
      await terminal.out.line(line);
    return rowsOf(found.value).some(isBroken) ? EXIT.failed : EXIT.done;
  };
  return await withProgram(
    { journal: given.journal, journalMode: 'read-only' },
    (program) => look(program, program.ports),
    async (error) => {
      await terminal.err.line(`chainfold: without the journal: ${printable(error.message)}`);
      return await withImages((program) => look(program, null));
    },
  );
};

const linesOf = (scanned: FolderScan, given: Given, journalRead: boolean, nowMs: number): readonly string[] => {
  if (given.json === true) return [printableJson(scanJson(scanned, journalRead))];
  if (given.dot === true) return scanDot(scanned);
  return scanText(scanned, { quiet: given.quiet === true, nowMs, journal: given.journal });
};
