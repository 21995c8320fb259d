import type { Digests } from '../ports/digests.js';

/**
 * What people compare of a public key: the first 16 hex digits of SHA-256 over its 32 raw bytes. `publicKey` in base64.
 * Enough to tell keys apart that nobody made on purpose to look alike; verdicts go by the whole key.
 */
export const keyFingerprint = (publicKey: string, digests: Digests): string => {
  const digest = digests.sha256();
  digest.update(Uint8Array.from(atob(publicKey), (character) => character.charCodeAt(0)));
  return digest.hex().slice(0, 16);
};
