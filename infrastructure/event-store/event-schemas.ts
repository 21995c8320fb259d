import * as z from 'zod';
import type { MergeJobEvent, MergeJobEventType } from '#domain/merge-job/events';
import type { ControlRequest } from '#domain/merge-job/control';
import type { MergeErrorKind } from '#domain/merge-error';
import { CODES_OF, RETURN_CODE } from '#domain/return-code';

/** What events of all kinds are made of. */
export const partsOf = (object: typeof z.strictObject) => {
  const count = z.int().min(0);
  const positive = z.int().min(1);
  const decimal = z.string().regex(/^-?(0|[1-9]\d*)$/);
  const path = z.string().min(1);
  const step = z.enum(['intended', 'done']);
  const retire = z.enum(['keep', 'quarantine', 'delete']);
  const returnCode = z.literal(Object.values(RETURN_CODE));

  const file = object({ dev: decimal, ino: decimal, sizeBytes: count, mtimeNs: decimal });
  const actor = object({ user: z.string(), host: z.string(), pid: count });
  const error = object({
    kind: z.enum(Object.keys(CODES_OF) as MergeErrorKind[]),
    message: z.string(),
    path: z.string().nullable(),
    related: z.array(z.string()),
    hresult: z.int().min(0).max(0xffffffff),
  });
  const image = object({
    path,
    format: z.enum(['vhd', 'vhdx']),
    type: z.enum(['fixed', 'dynamic', 'differencing']),
    virtualSizeBytes: count,
    blockSizeBytes: positive.nullable(),
    logicalSectorSize: positive,
    identity: z.string(),
    parentIdentity: z.string().nullable(),
    writeIdentity: z.string().nullable(),
    file,
  });
  return { count, positive, path, returnCode, file, actor, error, image, retire, step };
};

/**
 * The shape of `data` for each event type, in its current version, field by field. Before you change one read the rule for changes
 * in upcasters.ts: only an optional field may be added just so (`exactOptional`); anything else is a new version or a new type.
 *
 * The check at the end of the file lets nothing compile whose schema and domain type differ in either direction: a field added to
 * an event is missing here until it is written here.
 *
 * `object` is `z.strictObject` on the way in and `z.object` on the way out. In: a field that no schema names would go into the
 * journal unread and for ever, so it is a bug of ours and refused. Out: a later release may add an optional field without a new
 * version, and a fleet has both releases at once, so an older one passes over what it does not know. What changes the meaning
 * of an event gets a new version or a new type, and both are refused when unknown.
 */
const schemasOf = (object: typeof z.strictObject) => {
  const { count, positive, path, returnCode, file, actor, error, image, retire, step } = partsOf(object);
  const run = object({
    epoch: count,
    host: z.string(),
    pid: count,
    bootId: z.string(),
    engineVersion: z.string(),
    windowBytes: positive,
    fileWriteGuids: z.record(z.string(), z.string()),
  });
  const sectors = z.union([
    object({ runs: z.array(z.tuple([count, positive])).max(64) }),
    object({ bitmap: z.base64(), bits: positive }),
  ]);
  const link = { path, oldIdentity: z.string(), newIdentity: z.string() };

  return {
    MergeRequested: object({
      // As they were asked for: a refused request may have named nothing.
      source: z.string(),
      destination: z.string(),
      options: object({
        verify: z.enum(['blocks', 'full', 'none']),
        retire,
        reparent: z.enum(['auto', 'none']),
        allowedSiblings: z.array(path),
        allowSuperseded: z.boolean(),
        windowBytes: count,
        rateBytesPerSecond: z.number().min(0).nullable(),
        roots: z.array(path),
        maps: z.array(object({ stored: z.string().min(1), path })).exactOptional(),
      }),
      requester: actor,
      missingProtection: z.array(z.string()).exactOptional(),
    }),
    MergeRefused: object({ error, returnCode }),
    ChainAccepted: object({
      // From the source to the destination: two at least.
      images: z.array(image).min(2),
      ancestors: z.array(image),
      children: z.array(image),
      siblings: z.array(image),
      blocks: count,
      bytes: count,
      newBlocks: count,
      spaceNeededBytes: count,
      spaceFreeBytes: count,
      missingProtection: z.array(z.string()),
    }),
    MergeStarted: object({ run, sourceViewDigest: z.string().nullable() }),
    LinkPrepared: object({ ...link, before: z.string(), after: z.string() }),
    DestinationClaimed: object({ ...link, child: object({ path, file }) }),
    BlockMerged: object({
      block: count,
      sectors,
      zeros: sectors.exactOptional(),
      bytes: count,
      fileOffsetBytes: count,
      digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
      from: z.array(count),
      epoch: count,
      repair: z.boolean(),
      totals: object({ blocks: count, bytes: count, nextBlock: count }),
    }),
    MergeSuspended: object({
      by: z.string(),
      why: z.enum(['requested', 'signal', 'out-of-space', 'journal-unreachable']),
      nextBlock: count,
      missingBytes: count.nullable(),
    }),
    MergeResumed: object({ run, by: z.string() }),
    MergeRecovered: object({
      run,
      streamSaid: object({ revision: count, blocks: count, bytes: count, nextBlock: count }),
      diskSaid: object({ destination: file.nullable(), moved: z.array(path) }),
      redoBytesAtMost: count,
    }),
    MergeTerminated: object({ by: z.string(), why: z.string(), nextBlock: count }),
    JobMoved: object({ by: z.string(), to: z.string().min(1) }),
    JournalOutageEnded: object({ since: count, until: count, attempts: positive, reason: z.string() }),
    DestinationFinalized: object({ identity: z.string(), virtualSizeBytes: count, file }),
    MergeVerified: object({
      mode: z.enum(['blocks', 'full']),
      blocks: count,
      bytes: count,
      readFrom: z.enum(['device', 'page-cache']),
      viewDigest: z.string().nullable(),
    }),
    ChildReparented: object({
      step,
      path,
      identity: z.string(),
      images: z.record(z.string(), z.union([z.string(), z.number()])),
      file,
    }),
    SourceRetired: object({
      step,
      action: z.enum(['quarantine', 'delete']),
      path,
      target: path.nullable(),
      file,
    }),
    MergeCompleted: object({
      blocks: count,
      bytes: count,
      elapsedMs: z.number().min(0),
      retire,
      source: file.nullable(),
      destination: file,
    }),
    MergeFailed: object({ error, returnCode, resumable: z.boolean(), nextStep: z.string() }),
    SuspendRequested: object({ by: z.string(), why: z.string() }),
    TerminateRequested: object({ by: z.string(), why: z.string() }),
  };
};

export type EventSchemas = ReturnType<typeof schemasOf>;

/** On the way into the journal: no field that is not named above. */
export const WRITTEN: EventSchemas = schemasOf(z.strictObject) satisfies Record<AnyEventType, z.ZodType>;
/** On the way out: fields that are not named above are left out. */
export const READ: EventSchemas = schemasOf(z.object);

/** The version of each type that is written, and to which older ones are brought when they are read (upcasters.ts). */
export const VERSIONS = {
  MergeRequested: 1,
  MergeRefused: 1,
  ChainAccepted: 1,
  MergeStarted: 1,
  LinkPrepared: 1,
  DestinationClaimed: 1,
  BlockMerged: 1,
  MergeSuspended: 1,
  MergeResumed: 1,
  MergeRecovered: 1,
  MergeTerminated: 1,
  JobMoved: 1,
  JournalOutageEnded: 1,
  DestinationFinalized: 1,
  MergeVerified: 1,
  ChildReparented: 1,
  SourceRetired: 1,
  MergeCompleted: 1,
  MergeFailed: 1,
  SuspendRequested: 1,
  TerminateRequested: 1,
} as const satisfies Record<AnyEventType, number>;

const CONTROL_TYPES = { SuspendRequested: true, TerminateRequested: true } as const satisfies Record<
  ControlRequest['type'],
  true
>;

export const isControlType = (type: string): type is ControlRequest['type'] => Object.hasOwn(CONTROL_TYPES, type);
export const isJobEventType = (type: string): type is MergeJobEventType =>
  Object.hasOwn(READ, type) && !isControlType(type);

type AnyEvent = MergeJobEvent | ControlRequest;
export type AnyEventType = AnyEvent['type'];
type Frozen<T> = T extends object ? { readonly [Key in keyof T]: Frozen<T[Key]> } : T;
type DataOf<Type extends AnyEvent['type']> = Frozen<Omit<Extract<AnyEvent, { type: Type }>, 'type'>>;
type ReadAs<Type extends keyof EventSchemas> = Frozen<z.output<EventSchemas[Type]>>;
/** Identical, not only assignable: an optional field on one side alone counts as a difference. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** The same, however deep, and readonly or not. */
export type SameShape<A, B> = Same<Frozen<A>, Frozen<B>>;

type Differing = {
  [Type in keyof EventSchemas]: Same<ReadAs<Type>, DataOf<Type>> extends true ? never : Type;
}[keyof EventSchemas];
type Nothing<T extends never> = T;
/** Fails to compile, and names the event types, when schemas say less or more than the domain does. */
export type SchemasThatDiffer = Nothing<Differing>;
