import { FileSystemFault } from '#application/ports/file-system';
import { makePrivateText, readPrivateText, type PrivateText } from '../file-system/private-text.js';
import { Ed25519Signer, newPrivateKeyPem, publicKeyOfPem } from './ed25519-signer.js';

/** The key cannot be used: says which file, what was expected, and what to do. */
export class AuditKeyError extends Error {
  constructor(
    readonly path: string,
    reason: string,
    options?: { cause?: unknown },
  ) {
    super(`Audit key ${path}: ${reason}`, options);
    this.name = 'AuditKeyError';
  }
}

/** The key that signs heads, from its file; made on first use. Throws `AuditKeyError`. */
export const openSigner = async (path: string): Promise<Ed25519Signer> => {
  try {
    return signerOf(path, readPrivateText(path) ?? (await makePrivateText(path, newPrivateKeyPem())));
  } catch (error) {
    if (!(error instanceof FileSystemFault)) throw error;
    throw new AuditKeyError(path, `it cannot be had (${error.message}). Name another with --key.`, { cause: error });
  }
};

/** The raw public key, base64, in a PEM file with a public or a private key; null when there is no such file. Throws as `openSigner` does. */
export const publicKeyIn = (path: string): string | null => {
  const found = readPrivateText(path);
  if (found === null) return null;
  try {
    return publicKeyOfPem(found.text);
  } catch (error) {
    throw notOne('key, public or private,', path, error);
  }
};

/** Is it a private key, or one that only checks? For a file in which `publicKeyIn` has found a key. */
export const isPrivateKeyIn = (path: string): boolean => readPrivateText(path)?.text.includes('PRIVATE KEY') === true;

const signerOf = (path: string, { text, others }: PrivateText): Ed25519Signer => {
  if (others)
    throw new AuditKeyError(
      path,
      'other users may read or change it. Take that right away (chmod 600), or name another with --key.',
    );
  try {
    return new Ed25519Signer(text);
  } catch (error) {
    throw notOne('private key', path, error);
  }
};

/** OpenSSL's own words ("DECODER routines::unsupported") say nothing to the person who named the wrong file. */
const notOne = (kind: string, path: string, error: unknown): AuditKeyError => {
  const found = error instanceof TypeError ? `: ${error.message}` : ', and it is none';
  return new AuditKeyError(path, `expected an Ed25519 ${kind} in PEM${found}. Name another with --key.`, {
    cause: error,
  });
};
