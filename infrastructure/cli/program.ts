import { Command, CommanderError } from 'commander';
import { UnreadableEvent } from '#application/ports/event-codec';
import { EventStoreFault } from '#application/ports/event-store';
import { FileSystemFault } from '#application/ports/file-system';
import { JournalUrlError } from '../event-store/journal-url.js';
import { AuditKeyError } from '../platform/audit-key.js';
import { nodeHost } from '../platform/node-host.js';
import { addAuditCommand } from './audit-command.js';
import { addConvertCommand } from './convert-command.js';
import { addCreateCommands } from './create-commands.js';
import { EXIT, UsageError, type ExitCode } from './exit-codes.js';
import { addImageCommands } from './image-commands.js';
import { addJobCommands } from './job-commands.js';
import { addJournalCommands } from './journal-commands.js';
import { addKeyCommand } from './key-command.js';
import { addMergeCommand } from './merge-command.js';
import type { CliContext } from './output-options.js';
import { addPlanCommand } from './plan-command.js';
import { printable } from './printable.js';
import { addReparentCommand } from './reparent-command.js';
import { addResumeCommand } from './resume-command.js';
import { addScanCommand } from './scan-command.js';
import { addSteerCommands } from './steer-commands.js';
import { processTerminal, type Terminal } from './terminal.js';
import { addWatchCommand } from './watch-command.js';

/** Runs one command line; resolves with its exit code when everything was printed. */
export const run = async (words: readonly string[], terminal: Terminal = processTerminal()): Promise<ExitCode> => {
  let code: ExitCode = EXIT.done;
  const context: CliContext = {
    terminal,
    end: (ended) => {
      code = ended;
    },
  };
  try {
    await chainfold(context).parseAsync(words, { from: 'user' });
  } catch (error) {
    code = await explained(error, terminal);
  }
  await terminal.out.flushed();
  if (terminal.out.problem !== null)
    await terminal.err.line(`chainfold: not everything could be printed: ${printable(terminal.out.problem.message)}`);
  await terminal.err.flushed();
  return code;
};

/** The whole command line. Nothing that a command needs to run is loaded by it. */
export const chainfold = (context: CliContext): Command => {
  const program = new Command('chainfold');
  const { out, err } = context.terminal;
  program
    .description(
      'Merges VHD and VHDX differencing chains in place, crash-safely: an interrupted merge goes on where it stopped.\n' +
        'Every step of a merge is an event in a journal; nothing is lost when the machine goes down.',
    )
    .version(nodeHost('cli').engineVersion, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [COMMAND]', 'show help for a command')
    .exitOverride()
    .showHelpAfterError('Help: chainfold --help')
    .configureOutput({
      writeOut: (text) => void out.line(text.trimEnd()),
      writeErr: (text) => void err.line(text.trimEnd()),
      // commander's own second line; every other line end is one of the words that it tells of.
      outputError: (text, write) =>
        write(
          `chainfold: ${text
            .trimEnd()
            .split(/\n(?=\(Did you mean )/)
            .map(printable)
            .join('\n')}`,
        ),
    })
    .addHelpText(
      'after',
      `
Examples:
  chainfold create base.vhd --size 1G && chainfold diff child.vhd base.vhd
  chainfold plan "$PWD/child.vhd"
  chainfold merge "$PWD/child.vhd" "$PWD/base.vhd"
  chainfold jobs

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused and nothing written, 4 stopped at a durable point.`,
    );
  addPlanCommand(program, context);
  addMergeCommand(program, context);
  addResumeCommand(program, context);
  addSteerCommands(program, context);
  addJobCommands(program, context);
  addWatchCommand(program, context);
  addAuditCommand(program, context);
  addJournalCommands(program, context);
  addKeyCommand(program, context);
  addImageCommands(program, context);
  addScanCommand(program, context);
  addCreateCommands(program, context);
  addReparentCommand(program, context);
  addConvertCommand(program, context);
  for (const command of program.commands) command.showHelpAfterError(`Help: chainfold ${command.name()} --help`);
  return program;
};

/** Wrong usage and a failing world have their sentence; anything else is our own mistake, and shows where. */
const explained = async (error: unknown, { err }: Terminal): Promise<ExitCode> => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof UsageError || error instanceof JournalUrlError) {
    await err.line(`chainfold: ${printable(error.message)}`);
    return EXIT.usage;
  }
  if (
    error instanceof AuditKeyError ||
    error instanceof EventStoreFault ||
    error instanceof FileSystemFault ||
    error instanceof UnreadableEvent
  ) {
    await err.line(`chainfold: ${printable(error.message)}`);
    return EXIT.failed;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  for (const [index, line] of text.split('\n').entries())
    await err.line(index === 0 && !line.includes('Bug:') ? `Bug: ${printable(line)}` : printable(line));
  await err.line('This is a mistake in chainfold. What was committed is safe; please report it with the lines above.');
  return EXIT.failed;
};
