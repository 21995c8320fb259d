import type { Command } from 'commander';
import type { MergePlan } from '#application/use-cases/plan-merge';
import { returnCodeOf } from '#domain/merge-error';
import type { MergeOptions } from '#domain/merge-job/events';
import { counted, inUnits } from './bytes-argument.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { mergeOptionsOf, withMergeOptions, type GivenMergeOptions } from './merge-options.js';
import {
  assertSearch,
  withJournal,
  withJson,
  type CliContext,
  type GivenJournal,
  type GivenOutput,
} from './output-options.js';
import { printable, printableJson } from './printable.js';
import { table } from './tables.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

type GivenPlan = GivenMergeOptions & GivenJournal & GivenOutput;

export const addPlanCommand = (program: Command, { terminal, end }: CliContext): void => {
  withJson(
    withMergeOptions(withJournal(program.command('plan'))),
    'one JSON object: source, destination, blocks, bytes, newBlocks, spaceNeeded, spaceFree, siblings, holders, refusal; maps, when there are any',
  )
    .summary('say what a merge would do')
    .description(
      'A dry run: the chain, the blocks and the space, who has the files, and whether the merge would be refused. Writes nothing,\n' +
        'not even to the journal. Without DESTINATION: into the parent. Exit code 3 when the merge would be refused.',
    )
    .argument('<SOURCE>', 'the child: a differencing disk')
    .argument('[DESTINATION]', 'its parent, or any disk below')
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold plan "$PWD/child.vhd"\n  chainfold plan /vm/leaf.vhd /vm/base.vhd --json | jq .refusal',
    )
    .action(async (source: string, destination: string | undefined, given: GivenPlan) =>
      end(await plan(source, destination ?? null, given, terminal)),
    );
};

const plan = async (
  source: string,
  destination: string | null,
  given: GivenPlan,
  terminal: Terminal,
): Promise<ExitCode> => {
  const options = mergeOptionsOf(given);
  return await withProgram({ journal: given.journal, journalMode: 'read-only' }, async (program) => {
    await assertSearch(options, (path) => program.ports.files.stat(path));
    const planned = await program.planMerge.plan(source, destination, options);
    const said = { ...planJson(planned), ...(options.maps === undefined ? {} : { maps: options.maps }) };
    if (given.json === true) await terminal.out.line(printableJson(said));
    else for (const line of [...mapText(options), ...planText(planned)]) await terminal.out.line(line);
    if (planned.refusal === null) return EXIT.done;
    if (given.json !== true) await printError(terminal, planned.refusal);
    return exitCodeOf(planned.refusal);
  });
};

/** DESIGN §6. */
const planJson = ({ source, destination, totals, spaceFreeBytes, siblings, holders, refusal }: MergePlan) => ({
  source,
  destination,
  blocks: totals?.blocks ?? null,
  bytes: totals?.bytes ?? null,
  newBlocks: totals?.newBlocks ?? null,
  spaceNeeded: totals?.spaceNeededBytes ?? null,
  spaceFree: spaceFreeBytes,
  siblings,
  holders,
  refusal:
    refusal === null
      ? null
      : {
          kind: refusal.kind,
          message: refusal.message,
          path: refusal.path,
          returnValue: returnCodeOf(refusal),
          hresult: refusal.hresult,
        },
});

const mapText = ({ maps = [] }: MergeOptions): readonly string[] =>
  maps.map(({ stored, path }) => `Map: ${printable(stored)} is ${printable(path)}`);

const planText = (plan: MergePlan): readonly string[] => [
  ...chainText(plan),
  ...jobText(plan),
  ...(plan.totals === null
    ? []
    : [
        `To merge: ${counted(plan.totals.blocks, 'block')}, ${inUnits(plan.totals.bytes)} (${plan.totals.bytes} bytes).`,
        `Space: ${counted(plan.totals.newBlocks, 'new block')}, ${inUnits(plan.totals.spaceNeededBytes)} needed, ${inUnits(plan.spaceFreeBytes ?? 0)} free.`,
      ]),
  ...plan.children.map((path) => `Child of the source, will be re-parented: ${printable(path)}`),
  ...plan.siblings.map((path) => `Sibling, would lose what it shows: ${printable(path)}`),
  ...plan.holders.map(({ path, program, pid, how }) =>
    printable(`In use: ${path} by ${program}${pid === null ? '' : ` (pid ${pid})`}: ${how}`),
  ),
  ...plan.missingProtection.map((sentence) => `Warning: ${printable(sentence)}`),
  plan.refusal === null ? 'A merge would run.' : 'A merge would be refused:',
];

const chainText = ({ images, ancestors }: MergePlan): readonly string[] => {
  if (images.length === 0) return [];
  const roleOf = (index: number): string =>
    index === 0
      ? 'source'
      : index < images.length - 1
        ? 'between'
        : index === images.length - 1
          ? 'destination'
          : 'below';
  return table(
    [...images, ...ancestors].map(({ path, format, type, virtualSizeBytes }, index) => [
      roleOf(index),
      path,
      `${format.toUpperCase()} ${type}`,
      inUnits(virtualSizeBytes),
    ]),
  );
};

const jobText = ({ job }: MergePlan): readonly string[] => {
  if (job === null) return [];
  const committed = `${counted(job.committed.blocks, 'block')}, ${inUnits(job.committed.bytes)}`;
  return job.is === 'completed'
    ? [`Already merged by job ${job.jobId} (${committed}); nothing has changed since.`]
    : [`Goes on with job ${job.jobId}: ${committed} are committed.`];
};
