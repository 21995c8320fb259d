import type { AnyEventType } from './event-schemas.js';

/**
 * Events of earlier versions, made into events of today. The rule for changes:
 *
 * - An optional field may be added to an event without a new version: older events do not have it, and an older release passes
 *   over it.
 * - Anything else is a new version of its type (`VERSIONS`, with an upcaster here from the version before), or a new type.
 * - What was recorded is never changed. Hash chain, signatures, audit and every printed event are about the event as it was
 *   recorded; only the fold sees the upcast one. Recorded streams of past versions (properties/recorded) are only added to.
 *
 * docs/decisions/0014-events-have-versions.md
 */

/** The data of version k + 1 from that of version k. Pure: it makes a new value and leaves what it was given as it is. */
export type Upcaster = (data: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/** For each type the upcasters by the version that they read: `{ MergeTerminated: { 1: … } }` makes version 2 from version 1. */
export type Upcasters = Readonly<Partial<Record<AnyEventType, Readonly<Record<number, Upcaster>>>>>;

/** Every event has its first version still. */
export const UPCASTERS: Upcasters = {};

/** What stands in the way of reading an event of an old version, in words. */
export class NoWayUp extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'NoWayUp';
  }
}

/** `data` as the version `to` of its type would have it, by every upcaster from `from` on, in order. Throws `NoWayUp`. */
export const upcast = (type: AnyEventType, from: number, data: unknown, to: number, upcasters: Upcasters): unknown => {
  if (from === to) return data;
  const known = to === 1 ? 'version 1' : `versions 1 to ${String(to)}`;
  if (!Number.isSafeInteger(from) || from < 1 || from > to)
    throw new NoWayUp(`version ${String(from)} of ${type} is unknown, this release reads ${known}`);
  let current = data;
  for (let version = from; version < to; version += 1) {
    const upcaster = upcasters[type]?.[version];
    if (upcaster === undefined)
      throw new NoWayUp(`${type}: there is no way from version ${String(version)} to ${String(version + 1)}`);
    if (!isObject(current)) throw new NoWayUp(`${type}: version ${String(version)} should be an object`);
    current = applied(type, version, upcaster, current);
  }
  return current;
};

/** An upcaster knows the shape of its version, and meets another only in an event that is damaged, or not ours. */
const applied = (
  type: string,
  version: number,
  upcaster: Upcaster,
  data: Readonly<Record<string, unknown>>,
): unknown => {
  try {
    return upcaster(data);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NoWayUp(`${type}: version ${String(version)} cannot be made into ${String(version + 1)}: ${reason}`);
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
