import { Option, type Command } from 'commander';
import type { SteerAction, Steered } from '#application/use-cases/steer-merge';
import { jobStateOf, percentOf } from '#application/use-cases/job-summary';
import { committedOf } from '#domain/merge-job/state';
import { counted, inUnits, secondsArgument } from './bytes-argument.js';
import { commandText } from './ending-text.js';
import { printError } from './error-text.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import {
  withJournal,
  withJson,
  withKey,
  withQuiet,
  type CliContext,
  type GivenJournal,
  type GivenKey,
  type GivenOutput,
} from './output-options.js';
import { printableJson } from './printable.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

interface GivenSteer extends GivenJournal, GivenKey, GivenOutput {
  readonly timeout: number;
}

/** What is asked of a job from another terminal. */
export const addSteerCommands = (program: Command, context: CliContext): void => {
  addSteer(program, context, 'suspend', {
    summary: 'stop a running job; it can be resumed',
    description:
      'Asks the process that runs a job to stop at the next durable point, and waits until it has. Exit code 0 when the job stands,\n' +
      'also when nobody was running it; 1 when it has not answered in time: the request then still holds.',
  });
  addSteer(program, context, 'terminate', {
    summary: 'end a job for good',
    description:
      'Ends a job at its next durable point, running or not. What was merged stays merged, and the source still shows its data;\n' +
      'the same merge afterwards is a new job. Exit code 0 when the job is terminated, 1 when it has not answered in time.',
  });
};

const addSteer = (
  program: Command,
  { terminal, end }: CliContext,
  action: SteerAction,
  { summary, description }: { readonly summary: string; readonly description: string },
): void => {
  withQuiet(
    withJson(
      withKey(withJournal(program.command(action))),
      'one JSON object: jobId, answer, jobState, jobStateName, percent',
    ),
  )
    .summary(summary)
    .description(description)
    .argument('<JOB>', 'a job id, or the first characters of it (at least four)')
    .addOption(new Option('--timeout <SECONDS>', 'wait no longer than this').argParser(secondsArgument).default(60))
    .addHelpText('after', `\nExample:\n  chainfold ${action} 3f2a`)
    .action(async (job: string, given: GivenSteer) => end(await steer(job, action, given, terminal)));
};

const steer = async (job: string, action: SteerAction, given: GivenSteer, terminal: Terminal): Promise<ExitCode> =>
  await withProgram({ journal: given.journal, journalMode: 'read-write', key: given.key }, async (program) => {
    const steered = await program.steerMerge.steer(job, action, given.timeout * 1000);
    if (!steered.ok) {
      await printError(terminal, steered.error);
      return EXIT.failed;
    }
    const { jobId, answer, state } = steered.value;
    if (given.json === true) {
      const { number, name } = jobStateOf(state);
      await terminal.out.line(
        printableJson({ jobId, answer, jobState: number, jobStateName: name, percent: percentOf(state) }),
      );
    }
    const isRight = answer === 'done' || (answer === 'not-running' && action === 'suspend');
    const text = textOf(steered.value, action, given);
    if (!isRight) await terminal.err.line(`chainfold: ${text}`);
    else if (given.json !== true) await terminal.out.line(text);
    return isRight ? EXIT.done : EXIT.failed;
  });

const whatIsLeft = (state: Steered['state']): string =>
  state.phase === 'terminated' && state.isMerged
    ? 'The merge itself was complete: the destination shows what the source showed. Re-parent and remove by hand what is left.'
    : 'The source still shows its data.';

const textOf = ({ jobId, answer, state }: Steered, action: SteerAction, { journal, timeout }: GivenSteer): string => {
  const { blocks, bytes } = committedOf(state);
  const committed = `${counted(blocks, 'block')}, ${inUnits(bytes)} committed`;
  const resume = commandText('resume', jobId, journal);
  switch (answer) {
    case 'done':
      return action === 'suspend'
        ? `Job ${jobId} is suspended: ${committed}. To go on: ${resume}`
        : `Job ${jobId} is terminated: ${committed}. ${whatIsLeft(state)}`;
    case 'not-running':
      return `Nobody is running job ${jobId}: it stands at a durable point already, ${committed}. To go on: ${resume}`;
    case 'ended':
      return `job ${jobId} came to another end first: it is ${state.phase}.`;
    case 'no-answer':
      return `job ${jobId} has not stopped within ${timeout} s. The request holds: it stops at its next durable point.`;
  }
};
