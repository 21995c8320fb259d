import { ContainerModule } from 'inversify';
import type { RunPorts } from '#application/merge/run-context';
import type { EventStore } from '#application/ports/event-store';
import type { HeadSigner } from '#application/ports/head-signer';
import type { Host } from '#application/ports/host';
import { AuditJob } from '#application/use-cases/audit-job';
import { ExportJournal } from '#application/use-cases/export-journal';
import { ImportJournal } from '#application/use-cases/import-journal';
import { ListJobs } from '#application/use-cases/list-jobs';
import { MoveJob } from '#application/use-cases/move-job';
import { PlanMerge } from '#application/use-cases/plan-merge';
import { ReparentImage } from '#application/use-cases/reparent-image';
import { RunMerge } from '#application/use-cases/run-merge';
import { SteerMerge } from '#application/use-cases/steer-merge';
import { WatchMerge } from '#application/use-cases/watch-merge';
import { EventJson } from '../event-store/event-json.js';
import { defaultKeyPath } from '../event-store/journal-url.js';
import { openSigner } from '../platform/audit-key.js';
import { SignatureChecker } from '../platform/ed25519-signer.js';
import { nodeHost } from '../platform/node-host.js';
import * as ids from './identifiers.js';

/** Who merges here. */
export const runner = (door: Host['door']): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(ids.HOST).toResolvedValue(() => nodeHost(door));
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

/** Who writes signs. Who only reads checks signatures, and makes no key. */
export const signing = (mode: 'read-write' | 'read-only', key: string | undefined): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(ids.HEAD_SIGNER)
      .toResolvedValue(async (): Promise<HeadSigner> =>
        mode === 'read-only' ? new SignatureChecker() : await openSigner(key ?? defaultKeyPath()),
      )
      .inSingletonScope();
  });

export const jobUseCases = (journalWaitMs: number | null): ContainerModule =>
  new ContainerModule(({ bind }) => {
    bind(ids.RUN_PORTS).toResolvedValue(
      (files, images, locks, store, codec, digests, identifiers, clock, host, signer): RunPorts => ({
        files,
        images,
        locks,
        store,
        codec,
        digests,
        identifiers,
        clock,
        host,
        signer,
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
        ids.HEAD_SIGNER,
      ],
    );
    bind(ids.RUN_MERGE).toResolvedValue((ports: RunPorts) => new RunMerge(ports, journalWaitMs), [ids.RUN_PORTS]);
    bind(ids.PLAN_MERGE).toResolvedValue((ports: RunPorts) => new PlanMerge(ports), [ids.RUN_PORTS]);
    bind(ids.REPARENT_IMAGE).toResolvedValue((ports: RunPorts) => new ReparentImage(ports), [ids.RUN_PORTS]);
    bind(ids.STEER_MERGE).toResolvedValue((ports: RunPorts) => new SteerMerge(ports), [ids.RUN_PORTS]);
    bind(ids.WATCH_MERGE).toResolvedValue((ports: RunPorts) => new WatchMerge(ports), [ids.RUN_PORTS]);
    bind(ids.LIST_JOBS).toResolvedValue((ports: RunPorts) => new ListJobs(ports), [ids.RUN_PORTS]);
    bind(ids.AUDIT_JOB).toResolvedValue((ports: RunPorts) => new AuditJob(ports), [ids.RUN_PORTS]);
    bind(ids.EXPORT_JOURNAL).toResolvedValue((ports: RunPorts) => new ExportJournal(ports), [ids.RUN_PORTS]);
    bind(ids.IMPORT_JOURNAL).toResolvedValue((ports: RunPorts) => new ImportJournal(ports), [ids.RUN_PORTS]);
    bind(ids.MOVE_JOB).toResolvedValue((ports: RunPorts) => new MoveJob(ports), [ids.RUN_PORTS]);
  });
