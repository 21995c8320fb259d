import fc from 'fast-check';
import type { MergeJobCommand, MergedBlock } from '../../domain/merge-job/commands.js';
import type { ImageRecord, MergeJobEvent, MergeOptions, RunIdentity } from '../../domain/merge-job/events.js';
import { decide, evolve } from '../../domain/merge-job/merge-job.js';
import { initialState, isUnfinished, type MergeJobState } from '../../domain/merge-job/state.js';
import type { ImageFormat } from '../../domain/chain/image-description.js';
import { mergeError } from '../../domain/merge-error.js';

/** Random histories of a job: what a run, its crashes and the people around it may ask, in any order that `decide` accepts. */

const FILE = { dev: '1', ino: '2', sizeBytes: 4096, mtimeNs: '3' };

const image = (name: string, format: ImageFormat): ImageRecord => ({
  path: `/d/${name}.${format}`,
  format,
  type: 'differencing',
  virtualSizeBytes: 1 << 20,
  blockSizeBytes: 4096,
  logicalSectorSize: 512,
  identity: name,
  parentIdentity: null,
  writeIdentity: null,
  file: FILE,
});

const run = (epoch: number): RunIdentity => ({
  epoch,
  host: 'h',
  pid: 1,
  bootId: 'b',
  engineVersion: '0',
  windowBytes: 65536,
  fileWriteGuids: {},
});

const options = fc.record<MergeOptions>({
  verify: fc.constantFrom('blocks', 'full', 'none'),
  retire: fc.constantFrom('keep', 'quarantine', 'delete'),
  reparent: fc.constant('auto'),
  allowedSiblings: fc.constant([]),
  allowSuperseded: fc.boolean(),
  windowBytes: fc.constant(65536),
  rateBytesPerSecond: fc.constant(null),
  roots: fc.constant([]),
});

/** `--verify none` never goes with retirement: the command line refuses it. */
const soundOptions = options.filter(({ verify, retire }) => verify !== 'none' || retire === 'keep');

/** Few, so that a random history often gets to the end of its copy. */
const ACCEPTED_BLOCKS = 3;

const block = (index: number): MergedBlock => ({
  block: index,
  sectors: { runs: [[0, 1]] },
  bytes: 512,
  fileOffsetBytes: 4096 * index,
  digest: `sha256:${String(index)}`,
  from: [0],
});

/** How many of the commands below are no endings. */
const USUAL = 20;

const IDENTITIES = { oldIdentity: 'd', newIdentity: 'd2' };

const error = mergeError('io-failed', 'a fault', { todo: 'Try again.' });

/** What a history is of. */
export interface Kind {
  readonly opts: MergeOptions;
  readonly format: ImageFormat;
}

interface History extends Kind {
  readonly picks: readonly number[];
}

/**
 * Commands of every kind, with their numbers taken from the state so that many are accepted. The endings come last, after `USUAL`, and
 * are rare, so that histories grow long.
 */
const commandsFor = (state: MergeJobState, { opts, format }: Kind): readonly MergeJobCommand[] => {
  const epoch = 'epoch' in state ? state.epoch : 1;
  const next = 'committed' in state ? state.committed.nextBlock : 0;
  const child = { path: `/d/x.${format}`, identity: 'x', images: {}, file: FILE };
  const source = { action: 'delete', path: `/d/m.${format}`, target: null, file: FILE } as const;
  return [
    {
      type: 'RequestMerge',
      request: {
        source: `/d/s.${format}`,
        destination: `/d/d.${format}`,
        options: opts,
        requester: { user: 'u', host: 'h', pid: 1 },
      },
    },
    {
      type: 'AcceptChain',
      chain: {
        images: ['s', 'm', 'd'].map((name) => image(name, format)),
        ancestors: [],
        children: [image('x', format)],
        siblings: [],
        blocks: ACCEPTED_BLOCKS,
        bytes: ACCEPTED_BLOCKS * 512,
        newBlocks: 0,
        spaceNeededBytes: 0,
        spaceFreeBytes: 1,
        missingProtection: [],
      },
    },
    { type: 'StartMerge', start: { run: run(epoch), sourceViewDigest: null } },
    { type: 'ConfirmWindow', epoch, blocks: [block(next)] },
    { type: 'ConfirmWindow', epoch, blocks: [block(next + 1), block(next + 4)] },
    { type: 'ConfirmRepair', epoch, block: block(Math.max(0, next - 1)) },
    {
      type: 'RecoverMerge',
      recovery: {
        run: run(epoch + 1),
        streamSaid: { revision: 0, blocks: 0, bytes: 0, nextBlock: next },
        diskSaid: { destination: null, moved: [] },
        redoBytesAtMost: 0,
      },
    },
    { type: 'SuspendMerge', by: 'u', why: 'signal', missingBytes: null },
    { type: 'ResumeMerge', run: run(epoch + 1), by: 'u' },
    { type: 'FailMerge', error, resumable: true, nextStep: 'again' },
    { type: 'FinalizeDestination', destination: { identity: 'd', virtualSizeBytes: 1 << 20, file: FILE } },
    {
      type: 'ConfirmVerification',
      verification: { mode: 'blocks', blocks: 1, bytes: 512, readFrom: 'device', viewDigest: null },
    },
    { type: 'RecordReparenting', step: { ...child, step: 'intended' } },
    { type: 'RecordRetirement', step: { ...source, step: 'intended' } },
    { type: 'CompleteMerge', completion: { elapsedMs: 1, source: null, destination: FILE } },
    { type: 'PrepareLink', link: { ...IDENTITIES, path: `/d/m.${format}`, before: 'AA==', after: 'AQ==' } },
    {
      type: 'ClaimDestination',
      claim: { ...IDENTITIES, path: `/d/d.${format}`, child: { path: `/d/m.${format}`, file: FILE } },
    },
    { type: 'RecordReparenting', step: { ...child, step: 'done' } },
    { type: 'RecordRetirement', step: { ...source, step: 'done' } },
    { type: 'ReportJournalOutage', outage: { since: 1, until: 2, attempts: 3, reason: 'away' } },
    { type: 'TerminateMerge', by: 'u', why: 'asked' },
    { type: 'MoveJob', move: { by: 'u', to: 'sqlite:/other.db' } },
    { type: 'FailMerge', error, resumable: false, nextStep: 'none' },
    { type: 'RefuseMerge', error },
  ];
};

/** One of them, by its place in the list. */
const commandFor = (state: MergeJobState, place: number, kind: Kind): MergeJobCommand =>
  commandsFor(state, kind)[place]!;

/**
 * A legal history: every event was decided from the state before it. A pick chooses among
 * what the state accepts, so that histories get far; what must never be accepted (an old block, an old run) is offered first each time.
 */
export const jobHistories = (): fc.Arbitrary<readonly MergeJobEvent[]> =>
  fc
    .record<History>({
      opts: soundOptions,
      format: fc.constantFrom('vhd', 'vhdx'),
      picks: fc.array(fc.nat({ max: 1019 }), { minLength: 30, maxLength: 90 }),
    })
    .map(({ picks, ...history }) => {
      const events: MergeJobEvent[] = [];
      let state = initialState;
      for (const pick of [0, 1, 2, ...picks]) {
        const wrong = wrongCommands(state);
        const commands = commandsFor(state, history);
        const before = state;
        const wanted =
          pick < 1000 ? commands.slice(0, USUAL).filter((command) => decide(command, before).ok) : commands;
        const chosen = wanted.length === 0 ? [] : [wanted[pick % wanted.length]!];
        const accepted = [...wrong, ...chosen].map((command) => decide(command, state)).find((decision) => decision.ok);
        for (const event of accepted?.ok === true ? accepted.value : []) {
          events.push(event);
          state = evolve(state, event);
        }
      }
      return events;
    });

const wrongCommands = (state: MergeJobState): readonly MergeJobCommand[] => {
  const epoch = 'epoch' in state ? state.epoch : 1;
  const next = 'committed' in state ? state.committed.nextBlock : 0;
  return [
    { type: 'ConfirmWindow', epoch: epoch - 1, blocks: [block(next)] },
    { type: 'ConfirmWindow', epoch, blocks: [block(next + 2), block(next + 1)] },
    { type: 'ConfirmWindow', epoch, blocks: [block(next - 1)] },
    { type: 'ConfirmRepair', epoch, block: block(next) },
  ];
};

export const stateAfter = (events: readonly MergeJobEvent[]): MergeJobState => events.reduce(evolve, initialState);

/** What a run does with the job it finds, as commands until the job is completed. Throws when `decide` refuses one of them. */
export const completeFrom = (found: MergeJobState, kind: Kind): MergeJobState => {
  let state = found;
  const ask = (command: MergeJobCommand): void => {
    const decision = decide(command, state);
    if (!decision.ok) throw new Error(`${command.type} in ${state.phase}: ${JSON.stringify(decision.error)}`);
    state = decision.value.reduce(evolve, state);
  };
  if (state.phase === 'unrequested') ask(commandFor(state, 0, kind));
  else if (isUnfinished(state)) ask(commandFor(state, state.activity.kind === 'suspended' ? 8 : 6, kind));
  if (state.phase === 'requested') ask(commandFor(state, 1, kind));
  if (state.phase === 'accepted') ask(commandFor(state, 2, kind));
  if (state.phase === 'merging' && kind.format === 'vhdx' && state.claim === null) ask(commandFor(state, 15, kind));
  if (state.phase === 'merging' && state.claim?.claimed === null) ask(commandFor(state, 16, kind));
  while (state.phase === 'merging' && state.committed.blocks < ACCEPTED_BLOCKS) ask(commandFor(state, 3, kind));
  if (state.phase === 'merging') ask(commandFor(state, 10, kind));
  if (state.phase === 'finalized' && kind.opts.verify !== 'none') ask(commandFor(state, 11, kind));
  for (const step of 'reparented' in state ? state.reparented.filter((child) => child.step === 'intended') : []) {
    ask({ type: 'RecordReparenting', step: { ...step, step: 'done' } });
  }
  for (const step of 'retired' in state ? state.retired.filter((source) => source.step === 'intended') : []) {
    ask({ type: 'RecordRetirement', step: { ...step, step: 'done' } });
  }
  ask(commandFor(state, 14, kind));
  return state;
};
