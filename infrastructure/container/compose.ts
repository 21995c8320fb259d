import { Container, type ServiceIdentifier } from 'inversify';
import type { RunPorts } from '#application/merge/run-context';
import type { Host } from '#application/ports/host';
import type { AuditJob } from '#application/use-cases/audit-job';
import type { ConvertImage } from '#application/use-cases/convert-image';
import type { CreateImage } from '#application/use-cases/create-image';
import type { ExportJournal } from '#application/use-cases/export-journal';
import type { ImportJournal } from '#application/use-cases/import-journal';
import type { InspectImage } from '#application/use-cases/inspect-image';
import type { ListJobs } from '#application/use-cases/list-jobs';
import type { MoveJob } from '#application/use-cases/move-job';
import type { PlanMerge } from '#application/use-cases/plan-merge';
import type { ReparentImage } from '#application/use-cases/reparent-image';
import type { RunMerge } from '#application/use-cases/run-merge';
import type { ScanFolder } from '#application/use-cases/scan-folder';
import type { SteerMerge } from '#application/use-cases/steer-merge';
import type { WatchMerge } from '#application/use-cases/watch-merge';
import * as ids from './identifiers.js';
import { formats, imageUseCases, machine } from './image-modules.js';

export interface Composition {
  /** A journal as `--journal` names it; the user's own when it is left out. */
  readonly journal?: string | undefined;
  /** `read-only`: makes no journal, and an absent one is an empty one. */
  readonly journalMode: 'read-write' | 'read-only';
  readonly door: Host['door'];
  /** File of the key that signs heads; the user's own when it is left out. A program that only reads the journal needs none. */
  readonly key?: string | undefined;
  /** How long a run waits for a journal that went away, in milliseconds; null or left out: without limit. */
  readonly journalWaitMs?: number | null;
  /** Ports of a test in the place of the machine's. */
  readonly ports?: Partial<RunPorts>;
}

/** What the program can do with images alone. */
export interface ImageProgram {
  readonly inspectImage: InspectImage;
  readonly scanFolder: ScanFolder;
  readonly createImage: CreateImage;
  readonly convertImage: ConvertImage;
  readonly ports: Pick<RunPorts, 'files' | 'clock'>;
}

/** What the program can do. */
export interface Program extends ImageProgram {
  readonly runMerge: RunMerge;
  readonly planMerge: PlanMerge;
  readonly reparentImage: ReparentImage;
  readonly steerMerge: SteerMerge;
  readonly watchMerge: WatchMerge;
  readonly listJobs: ListJobs;
  readonly auditJob: AuditJob;
  readonly exportJournal: ExportJournal;
  readonly importJournal: ImportJournal;
  readonly moveJob: MoveJob;
  readonly ports: RunPorts;
  close(): Promise<void>;
}

/**
 * The inventory of the running program. Throws `JournalUrlError` for a journal that cannot be named so, `EventStoreFault` for one
 * that cannot be had.
 */
export const compose = async ({
  journal: url,
  journalMode,
  door,
  key,
  journalWaitMs = null,
  ports = {},
}: Composition): Promise<Program> => {
  const { jobUseCases, journal, runner, signing } = await import('./job-modules.js');
  const { openEventStore } = await import('../event-store/open-event-store.js');
  const container = new Container({ defaultScope: 'Singleton' });
  container.load(
    machine,
    formats,
    imageUseCases,
    runner(door),
    journal(() => openEventStore(url, { mode: journalMode })),
    signing(journalMode, key),
    jobUseCases(journalWaitMs),
  );
  overrideWith(container, ports);
  return {
    ports: await container.getAsync(ids.RUN_PORTS),
    runMerge: await container.getAsync(ids.RUN_MERGE),
    planMerge: await container.getAsync(ids.PLAN_MERGE),
    reparentImage: await container.getAsync(ids.REPARENT_IMAGE),
    steerMerge: await container.getAsync(ids.STEER_MERGE),
    watchMerge: await container.getAsync(ids.WATCH_MERGE),
    listJobs: await container.getAsync(ids.LIST_JOBS),
    auditJob: await container.getAsync(ids.AUDIT_JOB),
    exportJournal: await container.getAsync(ids.EXPORT_JOURNAL),
    importJournal: await container.getAsync(ids.IMPORT_JOURNAL),
    moveJob: await container.getAsync(ids.MOVE_JOB),
    inspectImage: container.get(ids.INSPECT_IMAGE),
    scanFolder: container.get(ids.SCAN_FOLDER),
    createImage: container.get(ids.CREATE_IMAGE),
    convertImage: container.get(ids.CONVERT_IMAGE),
    close: () => container.unbindAllAsync(),
  };
};

/** The part that needs no journal, and loads none: it is there in half the time. */
export const composeImages = (): ImageProgram => {
  const container = new Container({ defaultScope: 'Singleton' });
  container.load(machine, formats, imageUseCases);
  return {
    ports: { files: container.get(ids.FILE_SYSTEM), clock: container.get(ids.CLOCK) },
    inspectImage: container.get(ids.INSPECT_IMAGE),
    scanFolder: container.get(ids.SCAN_FOLDER),
    createImage: container.get(ids.CREATE_IMAGE),
    convertImage: container.get(ids.CONVERT_IMAGE),
  };
};

const PORT_TOKENS: { readonly [Port in keyof RunPorts]: ServiceIdentifier<RunPorts[Port]> } = {
  files: ids.FILE_SYSTEM,
  images: ids.DISK_IMAGES,
  locks: ids.IMAGE_LOCKS,
  store: ids.EVENT_STORE,
  codec: ids.EVENT_CODEC,
  digests: ids.DIGESTS,
  identifiers: ids.IDENTIFIERS,
  clock: ids.CLOCK,
  host: ids.HOST,
  signer: ids.HEAD_SIGNER,
};

const overrideWith = (container: Container, ports: Partial<RunPorts>): void => {
  for (const port of Object.keys(ports) as (keyof RunPorts)[]) {
    const given = ports[port];
    if (given === undefined) continue;
    const bound: ServiceIdentifier = PORT_TOKENS[port];
    container.rebind(bound).toConstantValue(given);
  }
};
