import type { ControlRequest } from '#domain/merge-job/control';
import type { BlockMerged, MergeJobEvent } from '#domain/merge-job/events';
import type { ReparentJobEvent } from '#domain/reparent-job/events';
import { UnreadableEvent, type EventCodec } from '#application/ports/event-codec';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { READ, VERSIONS, WRITTEN, isControlType, isJobEventType, type AnyEventType } from './event-schemas.js';
import { isPlainBlockMerged } from './plain-block-merged.js';
import {
  READ as READ_REPARENT,
  VERSIONS as REPARENT_VERSIONS,
  WRITTEN as WRITTEN_REPARENT,
  isReparentEventType,
} from './reparent-schemas.js';
import { NoWayUp, UPCASTERS, upcast, type Upcasters } from './upcasters.js';

/** How the events have changed since the first release: the current version of each type, and the ways up to it. */
export interface EventHistory {
  readonly versions: Readonly<Record<AnyEventType, number>>;
  readonly upcasters: Upcasters;
}

const OUR_HISTORY: EventHistory = { versions: VERSIONS, upcasters: UPCASTERS };

/**
 * Events as JSON, checked by the schemas in both directions. `encode` writes the current version, and throws a `TypeError` for an
 * event that breaks its own type: a bug of ours, met before it is in the journal for ever. Decoding brings an older version up to
 * the current one, and throws `UnreadableEvent` for a type, a version or a shape that this release does not know, because a fold
 * that skips one ends in a state that never was. The recorded event itself stays as it is.
 */
export class EventJson implements EventCodec {
  constructor(private readonly history: EventHistory = OUR_HISTORY) {}

  encode(event: MergeJobEvent | ControlRequest | ReparentJobEvent): {
    readonly type: string;
    readonly v: number;
    readonly data: unknown;
  } {
    const { type, ...data } = event;
    if (isReparentEventType(type)) {
      const checked = WRITTEN_REPARENT[type].safeParse(data);
      if (!checked.success) throw notAsItShouldBe(type, checked.error);
      return { type, v: REPARENT_VERSIONS[type], data: wellFormed(data) };
    }
    const checked = WRITTEN[type].safeParse(data);
    if (!checked.success) throw notAsItShouldBe(type, checked.error);
    return { type, v: this.history.versions[type], data: type === 'BlockMerged' ? data : wellFormed(data) };
  }

  decodeJobEvent(recorded: RecordedEvent): MergeJobEvent {
    const { type, data, v } = recorded;
    // A million of these stand in one stream, so they have a check that builds nothing. What it does not accept, the schema judges.
    if (type === 'BlockMerged' && v === this.history.versions.BlockMerged && isPlainBlockMerged(data))
      return blockMerged(data);
    if (!isJobEventType(type)) throw unreadable(recorded, `no event of a merge job is called ${type}`);
    return { type, ...readData(recorded, type, this.current(recorded, type)) } as MergeJobEvent;
  }

  decodeControlRequest(recorded: RecordedEvent): ControlRequest {
    const { type } = recorded;
    if (!isControlType(type)) throw unreadable(recorded, `no request to a merge job is called ${type}`);
    return { type, ...readData(recorded, type, this.current(recorded, type)) } as ControlRequest;
  }

  /** These have had one version only. */
  decodeReparentEvent(recorded: RecordedEvent): ReparentJobEvent {
    const { type, v, data } = recorded;
    if (!isReparentEventType(type)) throw unreadable(recorded, `no event of a re-parenting is called ${type}`);
    if (v !== REPARENT_VERSIONS[type])
      throw unreadable(
        recorded,
        `version ${String(v)} of ${type} is unknown, this release reads version ${String(REPARENT_VERSIONS[type])}`,
      );
    const read = READ_REPARENT[type].safeParse(data);
    if (!read.success) throw unreadable(recorded, `${type}: ${reasons(read.error.issues)}`);
    return { type, ...read.data } as ReparentJobEvent;
  }

  /** The data as the current version has it. */
  private current(recorded: RecordedEvent, type: AnyEventType): unknown {
    const { versions, upcasters } = this.history;
    try {
      return upcast(type, recorded.v, recorded.data, versions[type], upcasters);
    } catch (error) {
      if (error instanceof NoWayUp) throw unreadable(recorded, error.message);
      throw error;
    }
  }
}

/**
 * File names on Linux are bytes, and one that is not UTF-8 reaches us with lone surrogates, which no JSON text can hold: the
 * record shows U+FFFD there. Blocks name no file.
 */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]));
};

/** The compiler cannot follow that a type and its data belong together: hence the two casts above, and the check in event-schemas.ts. */
const readData = <Type extends keyof typeof READ>(recorded: RecordedEvent, type: Type, data: unknown) => {
  const read = READ[type].safeParse(data);
  if (!read.success) throw unreadable(recorded, `${type}: ${reasons(read.error.issues)}`);
  return read.data;
};

const blockMerged = (data: Omit<BlockMerged, 'type'>): BlockMerged => ({
  type: 'BlockMerged',
  block: data.block,
  sectors: data.sectors,
  bytes: data.bytes,
  fileOffsetBytes: data.fileOffsetBytes,
  digest: data.digest,
  from: data.from,
  epoch: data.epoch,
  repair: data.repair,
  totals: data.totals,
});

const notAsItShouldBe = (type: string, { issues }: { readonly issues: Issues }): TypeError =>
  new TypeError(`${type} is not what it should be: ${reasons(issues)}`);

const unreadable = (recorded: RecordedEvent, reason: string): UnreadableEvent =>
  new UnreadableEvent(recorded.stream, recorded.revision, reason);

type Issues = readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];

const reasons = (issues: Issues): string =>
  issues.map(({ path, message }) => `${path.map(String).join('.') || 'data'}: ${message}`).join('; ');
