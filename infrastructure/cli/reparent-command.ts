import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ReparentAnswer } from '#application/use-cases/reparent-image';
import type { MergeError } from '#domain/merge-error';
import type { Program } from '../container/compose.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import {
  assertSearch,
  outputOf,
  searchOf,
  withJournal,
  withJson,
  withKey,
  withQuiet,
  withRoots,
  type CliContext,
  type GivenJournal,
  type GivenKey,
  type GivenOutput,
  type GivenRoots,
  type OutputOptions,
} from './output-options.js';
import { printable, printableJson } from './printable.js';
import { changedText, failedText, reparentResult, unchangedText } from './reparent-text.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

interface GivenReparent extends GivenRoots, GivenJournal, GivenKey, GivenOutput {
  readonly ignoreIdMismatch?: true;
}

export const addReparentCommand = (program: Command, { terminal, end }: CliContext): void => {
  withQuiet(
    withJson(
      withRoots(withKey(withJournal(program.command('reparent')))),
      'one JSON object per line: the events of the change, and last the result',
    ),
  )
    .summary('relink a child to its parent that was moved, renamed or restored')
    .description(
      'Makes CHILD name PARENT, by its identity and by relative paths, so that the chain opens again. Only the link is written, never a\n' +
        'block. PARENT must be the disk that CHILD was made over: its identity tells. The same command again finishes one that was\n' +
        'interrupted; when the link is right already, nothing is written.',
    )
    .argument('<CHILD>', 'a differencing disk')
    .argument('<PARENT>', 'its parent, where it is now')
    .option(
      '--ignore-id-mismatch',
      'take PARENT although CHILD names another identity: the data are not compared, and with a wrong parent the disk is corrupt',
    )
    .addHelpText(
      'after',
      `
Exit codes: 0 done, or nothing to change; 1 failed, run it again; 2 wrong usage; 3 refused and nothing written.

Examples:
  chainfold reparent child.vhdx /srv/moved/base.vhdx
  chainfold reparent /vm/a.vhd /vm/restored.vhd --json | jq -c 'select(.type == "result")'`,
    )
    .action(async (child: string, parent: string, given: GivenReparent) =>
      end(await reparent(resolve(child), resolve(parent), given, terminal)),
    );
};

const reparent = async (child: string, parent: string, given: GivenReparent, terminal: Terminal): Promise<ExitCode> => {
  const output = outputOf(given);
  const options = { ...searchOf(given), ignoreIdMismatch: given.ignoreIdMismatch === true };
  const unavailable = (error: MergeError): Promise<ExitCode> =>
    told({ answer: 'refused', error, reparentId: null, finished: null }, output, terminal);
  return await withProgram(
    { journal: given.journal, journalMode: 'read-write', key: given.key },
    async (program) => {
      await assertSearch(options, (path) => program.ports.files.stat(path));
      const answer = await program.reparentImage.reparent(child, parent, options);
      if (output.json && !output.quiet) await printEvents(answer, program, terminal);
      return await told(answer, output, terminal);
    },
    unavailable,
  );
};

/** All events of the changes that this command has had to do with: the interrupted one first. */
const printEvents = async (
  answer: ReparentAnswer,
  { reparentImage, ports }: Program,
  { out }: Terminal,
): Promise<void> => {
  const own =
    answer.answer === 'ended' ? answer.ended.reparentId : answer.answer === 'refused' ? answer.reparentId : null;
  const { printEvent } = await import('#application/journal/event-text');
  const { printableJsonText } = await import('./printable.js');
  for (const reparentId of [answer.finished?.reparentId ?? null, own]) {
    if (reparentId === null) continue;
    for await (const event of ports.store.read(reparentImage.streamOf(reparentId)))
      await out.line(printableJsonText(printEvent(event)));
  }
};

const told = async (answer: ReparentAnswer, { json, quiet }: OutputOptions, terminal: Terminal): Promise<ExitCode> => {
  const { out, err } = terminal;
  if (json) await out.line(printableJson(reparentResult(answer)));
  const say = async (lines: readonly string[]): Promise<void> => {
    if (!json) for (const line of lines) await out.line(line);
  };
  if (answer.finished?.outcome === 'changed' && !quiet)
    await say(['Finished a change that was interrupted:', ...changedText(answer.finished)]);
  if (answer.finished?.outcome === 'failed')
    await err.line(`chainfold: ${printable(`An interrupted change was given up: ${answer.finished.error.message}`)}`);
  switch (answer.answer) {
    case 'unchanged':
      await say(unchangedText(answer));
      return EXIT.done;
    case 'refused':
      await printError(terminal, answer.error);
      return exitCodeOf(answer.error);
    case 'ended': {
      const { ended } = answer;
      if (ended.outcome === 'changed') {
        for (const missing of ended.state.link.missingProtection)
          await err.line(`chainfold: warning: ${printable(missing)}`);
        await say(changedText(ended));
        return EXIT.done;
      }
      await printError(terminal, ended.error);
      for (const line of failedText(ended)) await err.line(`chainfold: ${line}`);
      return EXIT.failed;
    }
  }
};
