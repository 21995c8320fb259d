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
    throw namedKey(path, error);
  }
};

/** The raw public key, base64, in a PEM file with a public or a private key; null when there is no such file. Throws as `openSigner` does. */
export const publicKeyIn = (path: string): string | null => {
  const found = textOf(path);
  if (found === null) return null;
  try {
    return publicKeyOfPem(found.text);
  } catch (error) {
    throw notOne('key, public or private,', path, error);
  }
};

/** Is it a private key, or one that only checks? For a file in which `publicKeyIn` has found a key. */
export const isPrivateKeyIn = (path: string): boolean => textOf(path)?.text.includes('PRIVATE KEY') === true;

const textOf = (path: string): PrivateText | null => {
  try {
    return readPrivateText(path);
  } catch (error) {
    throw namedKey(path, error);
  }
};

/** A fault of the file, as one of the key in it: a person has named several files. Any other error as it is. */
const namedKey = (path: string, error: unknown): unknown =>
  error instanceof FileSystemFault
    ? new AuditKeyError(path, `it cannot be had (${error.message}). Name another with --key.`, { cause: error })
    : error;

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
  // A TypeError is our own sentence of a key of another algorithm: "expected …, found rsa".
  const other = error instanceof TypeError ? /, found .+$/.exec(error.message)?.[0] : undefined;
  const reason = `expected an Ed25519 ${kind} in PEM${other ?? ', and it is none'}`;
  return new AuditKeyError(path, `${reason}. Name another with --key.`, { cause: error });
};
