import * as z from 'zod';
import type { ReparentJobEvent, ReparentJobEventType } from '#domain/reparent-job/events';
import { partsOf, type SameShape } from './event-schemas.js';

/** The shape of `data` of the events of a re-parenting. All that is said in event-schemas.ts holds here as well. */
const schemasOf = (object: typeof z.strictObject) => {
  const { path, returnCode, file, actor, error, image } = partsOf(object);
  const storedPath = object({ locator: z.string().min(1), path: z.string() });
  return {
    ReparentRequested: object({
      // As they were asked for: a refused request may have named nothing.
      child: z.string(),
      parent: z.string(),
      ignoreIdMismatch: z.boolean(),
      roots: z.array(path),
      maps: z.array(object({ stored: z.string().min(1), path })).exactOptional(),
      requester: actor,
    }),
    ReparentRefused: object({ error, returnCode }),
    ParentLinkPrepared: object({
      child: image,
      parent: image,
      oldIdentities: z.array(z.string()),
      oldPaths: z.array(storedPath),
      newPaths: z.array(storedPath),
      identityMatched: z.boolean(),
      images: z.record(z.string(), z.union([z.string(), z.number()])),
      missingProtection: z.array(z.string()),
    }),
    ParentLinkChanged: object({ child: path, parent: path, parentIdentity: z.string(), file }),
    ReparentFailed: object({ error, returnCode, resumable: z.boolean(), nextStep: z.string() }),
  };
};

type ReparentSchemas = ReturnType<typeof schemasOf>;

export const WRITTEN: ReparentSchemas = schemasOf(z.strictObject) satisfies Record<ReparentJobEventType, z.ZodType>;
export const READ: ReparentSchemas = schemasOf(z.object);

/** The version of each type that is written. The second version of any brings its way up with it, as in upcasters.ts. */
export const VERSIONS = {
  ReparentRequested: 1,
  ReparentRefused: 1,
  ParentLinkPrepared: 1,
  ParentLinkChanged: 1,
  ReparentFailed: 1,
} as const satisfies Record<ReparentJobEventType, number>;

export const isReparentEventType = (type: string): type is ReparentJobEventType => Object.hasOwn(VERSIONS, type);

type DataOf<Type extends ReparentJobEventType> = Omit<Extract<ReparentJobEvent, { type: Type }>, 'type'>;
type Differing = {
  [Type in ReparentJobEventType]: SameShape<z.output<ReparentSchemas[Type]>, DataOf<Type>> extends true ? never : Type;
}[ReparentJobEventType];
type Nothing<T extends never> = T;
/** Fails to compile, and names the event types, when schemas say less or more than the domain does. */
export type SchemasThatDiffer = Nothing<Differing>;
