import type { FileIdentity } from '#domain/chain/image-description';
import type { ImageRecord, MergeOptions, RetireMode, VerifyMode } from '#domain/merge-job/events';
import type { DataAudit } from '../use-cases/audit-data.js';
import type { Excerpt } from './excerpt.js';

/**
 * What the record of one job says, for a person who was not there. Made of the events that the audit found right and of the
 * audit itself; nothing is asked of the disks. Times in milliseconds since 1970, sizes in bytes.
 */
export interface AuditReport {
  readonly jobId: string;
  readonly made: {
    readonly at: number;
    readonly by: string;
    readonly host: string;
    readonly appVersion: string;
    /** URL of the journal, without its secrets. */
    readonly journal: string;
    /** Who signs this report, which need not be who signed the job. */
    readonly key: ReportedKey;
  };
  readonly verdict: { readonly isRight: boolean; readonly problems: readonly string[] };
  readonly outcome: Outcome;
  /** Null when not even the first event is right. */
  readonly request: ReportedRequest | null;
  /** Null when no chain was accepted. */
  readonly chain: ReportedChain | null;
  readonly destinationAfter: DestinationAfter | null;
  /** The last event that is right. */
  readonly lastEventAt: number | null;
  readonly runs: Excerpt<ReportedRun>;
  /** Runs that ended without a word. */
  readonly interruptions: number;
  readonly outages: Excerpt<ReportedOutage>;
  readonly repairs: Excerpt<ReportedRepair>;
  readonly children: readonly ReportedStep[];
  readonly retired: readonly ReportedRetirement[];
  readonly controlRequests: Excerpt<ReportedControlRequest>;
  readonly committed: { readonly blocks: number; readonly bytes: number };
  readonly blocks: Excerpt<ReportedBlock>;
  readonly verification: ReportedVerification | null;
  readonly streams: readonly ReportedStream[];
  readonly signature: ReportedSignature;
  readonly knownHead: ReportedKnownHead | null;
  /** What `--data` found on the disk when the report was made; null when it was not asked for. */
  readonly data: DataAudit | null;
  readonly timeline: Timeline;
}

/** How the job stands after its last event. */
export interface Outcome {
  readonly kind: 'none' | 'unfinished' | 'completed' | 'terminated' | 'refused' | 'failed' | 'moved';
  readonly at: number | null;
  readonly by: string | null;
  /** Why, or where to, in the record's own words. */
  readonly detail: string | null;
}

export interface ReportedRequest {
  readonly at: number;
  readonly source: string;
  readonly destination: string;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly door: 'cli' | 'library' | 'service';
  readonly appVersion: string;
  readonly options: MergeOptions;
}

export interface ReportedChain {
  readonly at: number;
  /** Source first, destination last, then what lies below it. */
  readonly images: readonly ReportedImage[];
  readonly blocks: number;
  readonly bytes: number;
  readonly newBlocks: number;
  readonly spaceNeededBytes: number;
  readonly spaceFreeBytes: number;
  readonly missingProtection: readonly string[];
}

export interface ReportedImage extends ImageRecord {
  readonly role: 'source' | 'between' | 'destination' | 'below' | 'child of the source' | 'allowed sibling';
}

export interface DestinationAfter {
  readonly at: number;
  readonly identity: string;
  readonly virtualSizeBytes: number;
  readonly file: FileIdentity;
}

export type RunEnding =
  'completed' | 'suspended' | 'terminated' | 'refused' | 'failed' | 'failed-for-good' | 'without-a-word' | 'not-ended';

export interface ReportedRun {
  readonly epoch: number;
  readonly host: string;
  readonly pid: number;
  readonly user: string;
  readonly appVersion: string;
  /** Null for a first run that came to no write. */
  readonly bootId: string | null;
  readonly beganAt: number;
  readonly began: 'requested' | 'resumed' | 'recovered';
  /** Who resumed it. */
  readonly by: string | null;
  /** What a run found that goes on after one without an end. */
  readonly recovery: ReportedRecovery | null;
  /** Its last event. */
  readonly lastEventAt: number;
  readonly ended: RunEnding;
  readonly endedBy: string | null;
  readonly endedWhy: string | null;
  readonly missingBytes: number | null;
  /** Committed by this run alone. */
  readonly blocks: number;
  readonly bytes: number;
}

export interface ReportedRecovery {
  readonly blocks: number;
  readonly bytes: number;
  readonly nextBlock: number;
  readonly redoBytesAtMost: number;
  readonly destinationFound: boolean;
  readonly moved: readonly string[];
}

export interface ReportedOutage {
  readonly epoch: number;
  readonly since: number;
  readonly until: number;
  readonly attempts: number;
  readonly reason: string;
}

/** A block that was merged a second time because it read back otherwise than it was written. */
export interface ReportedRepair {
  readonly at: number;
  readonly epoch: number;
  readonly block: number;
  readonly bytes: number;
}

export interface ReportedStep {
  readonly path: string;
  readonly step: 'intended' | 'done';
  readonly at: number;
}

export interface ReportedRetirement extends ReportedStep {
  readonly action: Exclude<RetireMode, 'keep'>;
  readonly target: string | null;
}

export interface ReportedControlRequest {
  readonly at: number;
  readonly what: 'suspend' | 'terminate';
  readonly by: string;
  readonly why: string;
  readonly host: string;
  readonly pid: number;
}

export interface ReportedBlock {
  readonly block: number;
  readonly at: number;
  readonly bytes: number;
  readonly digest: string;
  readonly epoch: number;
  readonly repair: boolean;
}

export interface ReportedVerification {
  readonly at: number;
  readonly mode: Exclude<VerifyMode, 'none'>;
  readonly blocks: number;
  readonly bytes: number;
  readonly readFrom: 'device' | 'page-cache';
  readonly viewDigest: string | null;
  /** Of the view through the source before the first write; null unless `--verify full`. */
  readonly sourceViewDigest: string | null;
}

export interface ReportedStream {
  readonly stream: string;
  readonly events: number;
  readonly revision: number;
  readonly hash: string;
}

/** The raw public key, base64, and what people compare of it. */
export interface ReportedKey {
  readonly publicKey: string;
  readonly fingerprint: string;
}

export interface ReportedSignature {
  readonly state: 'signed' | 'unsigned';
  readonly keys: readonly ReportedKey[];
  /** Everything up to this event is covered by a signature. */
  readonly lastSignedRevision: number | null;
  /** Ends of runs without a signature, all before the first that has one. */
  readonly unsignedEnds: number;
}

export interface ReportedKnownHead {
  readonly revision: number;
  readonly hash: string;
  readonly holds: boolean;
}

/** Committed bytes over time, ascending in both. */
export interface Timeline {
  readonly points: readonly TimelinePoint[];
  /** 0: every commit is a point. Else only the first of so many bytes is one, so that the line is never lower than it was by more. */
  readonly spanBytes: number;
}

export interface TimelinePoint {
  readonly at: number;
  readonly bytes: number;
}
