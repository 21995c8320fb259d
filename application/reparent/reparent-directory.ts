import type { FileIdentity } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import type { PreparedReparent } from '#domain/reparent-job/state';
import type { ReparentJobEventType } from '#domain/reparent-job/events';
import { err, ok, type Result } from '#domain/result';
import type { JournalPorts } from '../jobs/job-stream.js';
import type { EventStore } from '../ports/event-store.js';
import { REPARENT_STREAM_PREFIX, reparentIdOf, reparentStreamName, ReparentStream } from './reparent-stream.js';

/** A child's file as it is found now. */
export interface FoundChild {
  readonly path: string;
  /** Null when the file cannot be read as an image. */
  readonly identity: string | null;
  readonly file: FileIdentity;
}

export interface UnfinishedReparenting {
  readonly stream: ReparentStream;
  readonly state: PreparedReparent;
}

/** After these nothing follows, whatever they say. */
const LAST_EVENTS: ReadonlySet<string> = new Set<ReparentJobEventType>(['ParentLinkChanged', 'ReparentRefused']);

/**
 * The change of this child's parent that was begun and not ended, by the child's path, or by its file when it was moved since. Reads
 * the last event of each change that the journal knows, and the few events of those that may be unfinished.
 */
export const unfinishedReparenting = async (
  child: FoundChild,
  ports: JournalPorts,
): Promise<UnfinishedReparenting | null> => {
  for await (const { stream: name } of ports.store.list(REPARENT_STREAM_PREFIX)) {
    const last = await ports.store.readLast(name);
    if (last === null || LAST_EVENTS.has(last.type)) continue;
    const stream = await ReparentStream.open(reparentIdOf(name), ports);
    const { state } = stream;
    if (state.phase === 'prepared' && isAbout(state, child)) return { stream, state };
  }
  return null;
};

/** An inode may be given to another file later, so its identity counts as well. `dev` is another after a restart. */
const isAbout = ({ link }: PreparedReparent, { path, identity, file }: FoundChild): boolean =>
  link.child.path === path || (link.child.file.ino === file.ino && link.child.identity === identity);

const SHORTEST_PREFIX = 4;
const GUID_LENGTH = 36;

/** A change of a parent by its id, or by the first characters of it, at least four, as long as they mean one only. */
export const findReparenting = async (name: string, store: EventStore): Promise<Result<string, MergeError>> => {
  const wanted = name.toLowerCase();
  const isId = /^[0-9a-f-]*$/.test(wanted) && wanted.length >= SHORTEST_PREFIX && wanted.length <= GUID_LENGTH;
  const found: string[] = [];
  if (isId) for await (const { stream } of store.list(reparentStreamName(wanted))) found.push(reparentIdOf(stream));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return ok(only);
  return err(
    mergeError(
      'job-state',
      only === undefined ? `no re-parenting is called ${name} here` : `several re-parentings begin with ${name}`,
      { todo: 'Write its whole id, as `chainfold reparent` printed it.', related: found },
    ),
  );
};
