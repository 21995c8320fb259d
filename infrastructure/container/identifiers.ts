import type { ServiceIdentifier } from 'inversify';
import type { RunPorts } from '#application/merge/run-context';
import type { Clock } from '#application/ports/clock';
import type { Digests } from '#application/ports/digests';
import type { DiskImages } from '#application/ports/disk-image';
import type { EventCodec } from '#application/ports/event-codec';
import type { EventStore } from '#application/ports/event-store';
import type { FileSystem } from '#application/ports/file-system';
import type { HeadSigner } from '#application/ports/head-signer';
import type { Host } from '#application/ports/host';
import type { Identifiers } from '#application/ports/identifiers';
import type { ImageLocks } from '#application/ports/image-lock';
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

/** A name in the container that knows its type: a factory that is given the wrong one does not compile. */
const token = <T>(name: string): ServiceIdentifier<T> => Symbol(name);

export const FILE_SYSTEM = token<FileSystem>('FileSystem');
export const DISK_IMAGES = token<DiskImages>('DiskImages');
export const IMAGE_LOCKS = token<ImageLocks>('ImageLocks');
export const EVENT_STORE = token<EventStore>('EventStore');
export const EVENT_CODEC = token<EventCodec>('EventCodec');
export const DIGESTS = token<Digests>('Digests');
export const IDENTIFIERS = token<Identifiers>('Identifiers');
export const CLOCK = token<Clock>('Clock');
export const HEAD_SIGNER = token<HeadSigner>('HeadSigner');
export const HOST = token<Host>('Host');
/** All ports in one hand, as a run takes them. */
export const RUN_PORTS = token<RunPorts>('RunPorts');

export const RUN_MERGE = token<RunMerge>('RunMerge');
export const PLAN_MERGE = token<PlanMerge>('PlanMerge');
export const REPARENT_IMAGE = token<ReparentImage>('ReparentImage');
export const STEER_MERGE = token<SteerMerge>('SteerMerge');
export const WATCH_MERGE = token<WatchMerge>('WatchMerge');
export const LIST_JOBS = token<ListJobs>('ListJobs');
export const AUDIT_JOB = token<AuditJob>('AuditJob');
export const EXPORT_JOURNAL = token<ExportJournal>('ExportJournal');
export const IMPORT_JOURNAL = token<ImportJournal>('ImportJournal');
export const MOVE_JOB = token<MoveJob>('MoveJob');
export const INSPECT_IMAGE = token<InspectImage>('InspectImage');
export const CONVERT_IMAGE = token<ConvertImage>('ConvertImage');
export const SCAN_FOLDER = token<ScanFolder>('ScanFolder');
export const CREATE_IMAGE = token<CreateImage>('CreateImage');
