/** Hash functions and the canonical text they are taken over. Pure, but a matter of the platform: so a port. */
export interface Digests {
  /** Lower-case hex of SHA-256 over the UTF-8 of the text. */
  sha256Text(text: string): string;
  sha256(): RunningDigest;
  /** Canonical JSON, RFC 8785. */
  canonicalJson(value: unknown): string;
}

export interface RunningDigest {
  update(bytes: Uint8Array): void;
  /** Lower-case hex. The digest cannot be used afterwards. */
  hex(): string;
}
