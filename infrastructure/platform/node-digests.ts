import { createHash, hash, type Hash } from 'node:crypto';
import type { Digests, RunningDigest } from '#application/ports/digests';
import { canonicalJson } from './canonical-json.js';

/** SHA-256 by OpenSSL, canonical JSON by ourselves. */
export class NodeDigests implements Digests {
  sha256Text(text: string): string {
    return hash('sha256', text, 'hex');
  }

  sha256(): RunningDigest {
    return new NodeRunningDigest(createHash('sha256'));
  }

  canonicalJson(value: unknown): string {
    return canonicalJson(value);
  }
}

class NodeRunningDigest implements RunningDigest {
  readonly #hash: Hash;

  constructor(running: Hash) {
    this.#hash = running;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}
