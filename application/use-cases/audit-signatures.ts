import { ENDS_A_RUN } from '../jobs/job-stream.js';
import { isHeadSignature } from '../journal/event-text.js';
import { signedText, type RecordedEvent } from '../journal/recorded-event.js';
import type { Digests } from '../ports/digests.js';
import type { HeadSigner } from '../ports/head-signer.js';
import { keyFingerprint } from './audit-fingerprint.js';

export interface SignatureAudit {
  /** `unsigned`: no event has a signature. The job has ended no run yet, is from before signatures, or somebody took them away. */
  readonly state: 'signed' | 'unsigned';
  /** Raw, base64, in the order in which they signed first. */
  readonly publicKeys: readonly string[];
  /** Everything up to this event is covered by a signature. */
  readonly lastSignedRevision: number | null;
  /** Ends of runs without a signature, all before the first one that has it. */
  readonly unsignedEnds: number;
  /** What is wrong with a signature, or with the absence of one; null when nothing is, as far as the stream was read. */
  readonly problem: string | null;
}

export interface SignaturesExpected {
  /** Raw public keys, base64: a signature by another is wrong. None: every key is only named. */
  readonly trustedKeys: readonly string[];
  /** A history that has ends of runs and no signature is wrong, too: it cannot be told from one whose signatures were taken away. */
  readonly mustBeSigned: boolean;
}

/**
 * Are the signatures of a stream right, and is one missing? There are histories from before signatures, and jobs begun in them
 * went on afterwards: so until the first signature an end without one is counted, and after it it is wrong.
 */
export class SignatureRules {
  private readonly publicKeys: string[] = [];
  private lastSignedRevision: number | null = null;
  private readonly unsignedEnds: number[] = [];
  private problem: string | null = null;

  constructor(
    private readonly expected: SignaturesExpected,
    private readonly tools: { readonly digests: Digests; readonly signer: Pick<HeadSigner, 'isSigned'> },
  ) {}

  get found(): SignatureAudit {
    return {
      state: this.lastSignedRevision === null ? 'unsigned' : 'signed',
      publicKeys: [...this.publicKeys],
      lastSignedRevision: this.lastSignedRevision,
      unsignedEnds: this.unsignedEnds.length,
      problem: this.problem,
    };
  }

  /** What is wrong with the signature of the next event, or with its absence, in words; null when nothing is. */
  problemWith(event: RecordedEvent): string | null {
    const what = this.wrongWith(event);
    if (what !== null) this.problem = `Event ${String(event.revision)}, ${event.type}, ${what}`;
    return what;
  }

  /** When all events were seen: the first end of a run that should have been signed, when nothing is. */
  missing(): { readonly revision: number; readonly what: string } | null {
    const [revision] = this.unsignedEnds;
    if (!this.expected.mustBeSigned || this.lastSignedRevision !== null || revision === undefined) return null;
    const what =
      'ends a run without a signature, and nothing after it is signed: it is from before signatures, or they were taken away';
    this.problem = `Event ${String(revision)} ${what}`;
    return { revision, what };
  }

  private wrongWith(event: RecordedEvent): string | null {
    const { signature } = event.meta;
    if (signature === undefined) return this.unsigned(event);
    if (!isHeadSignature(signature)) return 'has a signature that is none: expected Ed25519, a key and a value';
    const { publicKey } = signature;
    if (!this.tools.signer.isSigned(signedText(event, this.tools.digests), signature))
      return `has a signature that is not one of this event by the key that it names, ${this.fingerprint(publicKey)}`;
    if (!this.isTrusted(publicKey)) {
      const trusted = this.expected.trustedKeys.map((key) => this.fingerprint(key)).join(' or ');
      return `is signed by key ${this.fingerprint(publicKey)}, expected ${trusted}`;
    }
    if (!this.publicKeys.includes(publicKey)) this.publicKeys.push(publicKey);
    this.lastSignedRevision = event.revision;
    return null;
  }

  private unsigned({ type, revision }: RecordedEvent): string | null {
    if (!ENDS_A_RUN.has(type)) return null;
    if (this.lastSignedRevision !== null)
      return `has no signature, but event ${String(this.lastSignedRevision)} before it has one: it was taken away`;
    this.unsignedEnds.push(revision);
    return null;
  }

  private isTrusted(publicKey: string): boolean {
    const { trustedKeys } = this.expected;
    return trustedKeys.length === 0 || trustedKeys.includes(publicKey);
  }

  private fingerprint(publicKey: string): string {
    return keyFingerprint(publicKey, this.tools.digests);
  }
}
