import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import type { HeadSignature, HeadSigner } from '#application/ports/head-signer';

/** Signs with one private key, in this process's memory. Ed25519 gives one signature per text, so that a retry signs the same event. */
export class Ed25519Signer implements HeadSigner {
  readonly #key: KeyObject;
  readonly publicKey: string;

  /** `pem`: a PKCS #8 private key. Throws OpenSSL's error when it is none, and a `TypeError` when it is of another algorithm. */
  constructor(pem: string) {
    this.#key = createPrivateKey(pem);
    if (this.#key.asymmetricKeyType !== 'ed25519')
      throw new TypeError(`expected an Ed25519 private key, found ${String(this.#key.asymmetricKeyType)}`);
    this.publicKey = rawPublicKey(createPublicKey(this.#key));
  }

  sign(text: string): HeadSignature {
    const value = sign(null, Buffer.from(text, 'utf8'), this.#key).toString('base64');
    return { algorithm: 'ed25519', publicKey: this.publicKey, value };
  }

  isSigned(text: string, signature: HeadSignature): boolean {
    return isSignedByNamedKey(text, signature);
  }
}

/** For programs that only read: they check signatures and make none. */
export class SignatureChecker implements HeadSigner {
  sign(): HeadSignature {
    throw new Error('Bug: a program that only reads was asked to sign.');
  }

  isSigned(text: string, signature: HeadSignature): boolean {
    return isSignedByNamedKey(text, signature);
  }
}

export const newPrivateKeyPem = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/**
 * The raw 32 bytes, base64, of an Ed25519 public or private key in PEM. Throws OpenSSL's error when it is no key, and a
 * `TypeError` when it is one of another algorithm.
 */
export const publicKeyOfPem = (pem: string): string => {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== 'ed25519')
    throw new TypeError(`expected an Ed25519 key, found ${String(key.asymmetricKeyType)}`);
  return rawPublicKey(key);
};

/** SubjectPublicKeyInfo in PEM, as OpenSSL and others read it. `publicKey`: raw, base64. */
export const publicKeyPem = (publicKey: string): string =>
  keyFrom(Buffer.from(publicKey, 'base64')).export({ type: 'spki', format: 'pem' }).toString();

/** SubjectPublicKeyInfo of an Ed25519 key is these bytes and the key (RFC 8410 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const RAW_BYTES = 32;

const rawPublicKey = (key: KeyObject): string =>
  key.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX.length).toString('base64');

const SIGNATURE_BYTES = 64;

const isSignedByNamedKey = (text: string, { publicKey, value }: HeadSignature): boolean => {
  const [raw, signature] = [exactBytes(publicKey, RAW_BYTES), exactBytes(value, SIGNATURE_BYTES)];
  if (raw === null || signature === null) return false;
  return verify(null, Buffer.from(text, 'utf8'), checkingKey(publicKey, raw), signature);
};

/** The key that was used last: making one takes as long as checking with it, and a journal has few. */
let lastKey: { readonly publicKey: string; readonly key: KeyObject } | null = null;

const checkingKey = (publicKey: string, raw: Buffer): KeyObject => {
  if (lastKey?.publicKey !== publicKey) lastKey = { publicKey, key: keyFrom(raw) };
  return lastKey.key;
};

const keyFrom = (raw: Buffer): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });

/** Null unless the text is the base64 of so many bytes and of nothing else: a decoder passes over much, and two texts would say one thing. */
const exactBytes = (base64: string, length: number): Buffer | null => {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === length && bytes.toString('base64') === base64 ? bytes : null;
};
