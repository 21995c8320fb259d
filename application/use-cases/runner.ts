import { isUnfinished, type MergeJobState } from '#domain/merge-job/state';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { Host } from '../ports/host.js';
import type { ImageLocks } from '../ports/image-lock.js';

/**
 * Is a process at this job? `elsewhere`: its last run was on another host, and cannot be seen from here. `gone`: it ended without
 * a word. `none`: the job does not say that it is running.
 */
export interface Runner {
  readonly presence: 'at-work' | 'gone' | 'elsewhere' | 'none';
  readonly host: string;
  readonly pid: number;
}

/**
 * By whoever wrote the last event. A process id is given to others after a while, so the process must also have the destination
 * open; where nobody's open files can be seen, the id alone has to do.
 */
export const runnerOf = async (
  state: MergeJobState,
  last: RecordedEvent,
  { host, locks }: { readonly host: Host; readonly locks: ImageLocks },
): Promise<Runner> => {
  const { host: name, pid } = last.meta.actor;
  const runner = (presence: Runner['presence']): Runner => ({ presence, host: name, pid });
  if (!isUnfinished(state) || state.activity.kind !== 'running') return runner('none');
  if (name !== host.name) return runner('elsewhere');
  if (pid === host.pid) return runner('at-work');
  if (!host.isRunning(pid)) return runner('gone');
  const holders = await locks.holdersOf([state.request.destination]);
  const seen = holders.some((holder) => holder.pid === pid || holder.pid === null);
  const blind = (await locks.missingProtection()).length > 0;
  return runner(seen || blind ? 'at-work' : 'gone');
};
