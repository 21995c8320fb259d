import { ContainerModule } from 'inversify';
import type { RunPorts } from '#application/merge/run-context';
import type { EventStore } from '#application/ports/event-store';
import type { Host } from '#application/ports/host';
import { AuditJob } from '#application/use-cases/audit-job';
import { ListJobs } from '#application/use-cases/list-jobs';
import { PlanMerge } from '#application/use-cases/plan-merge';
import { RunMerge } from '#application/use-cases/run-merge';
import { SteerMerge } from '#application/use-cases/steer-merge';
import { WatchMerge } from '#application/use-cases/watch-merge';
import { EventJson } from '../event-store/event-json.js';
import { OfdImageLocks } from '../locks/ofd-image-locks.js';
import { nodeHost } from '../platform/node-host.js';
import * as ids from './identifiers.js';

/** Who merges here, and what keeps others off. */
export const runner = (door: Host['door']): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(ids.HOST).toResolvedValue(() => nodeHost(door));
    bind(ids.IMAGE_LOCKS).toResolvedValue(() => new OfdImageLocks());
  });

/** The store is closed when the container lets go of it. */
export const journal = (open: () => Promise<EventStore>): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(ids.EVENT_CODEC).toResolvedValue(() => new EventJson());
    bind(ids.EVENT_STORE)
      .toResolvedValue(open)
      .inSingletonScope()
      .onDeactivation((store) => store.close());
  });

export const jobUseCases = new ContainerModule(({ bind }) => {
  bind(ids.RUN_PORTS).toResolvedValue(
    (files, images, locks, store, codec, digests, identifiers, clock, host): RunPorts => ({
      files,
      images,
      locks,
      store,
      codec,
      digests,
      identifiers,
      clock,
      host,
    }),
    [
      ids.FILE_SYSTEM,
      ids.DISK_IMAGES,
      ids.IMAGE_LOCKS,
      ids.EVENT_STORE,
      ids.EVENT_CODEC,
      ids.DIGESTS,
      ids.IDENTIFIERS,
      ids.CLOCK,
      ids.HOST,
    ],
  );
  bind(ids.RUN_MERGE).toResolvedValue((ports: RunPorts) => new RunMerge(ports), [ids.RUN_PORTS]);
  bind(ids.PLAN_MERGE).toResolvedValue((ports: RunPorts) => new PlanMerge(ports), [ids.RUN_PORTS]);
  bind(ids.STEER_MERGE).toResolvedValue((ports: RunPorts) => new SteerMerge(ports), [ids.RUN_PORTS]);
  bind(ids.WATCH_MERGE).toResolvedValue((ports: RunPorts) => new WatchMerge(ports), [ids.RUN_PORTS]);
  bind(ids.LIST_JOBS).toResolvedValue((ports: RunPorts) => new ListJobs(ports), [ids.RUN_PORTS]);
  bind(ids.AUDIT_JOB).toResolvedValue((ports: RunPorts) => new AuditJob(ports), [ids.RUN_PORTS]);
});
