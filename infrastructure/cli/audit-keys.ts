import { defaultKeyPath } from '../event-store/journal-url.js';
import { AuditKeyError, isPrivateKeyIn, publicKeyIn } from '../platform/audit-key.js';

/** Whose signatures count. */
export interface TrustedKeys {
  /** Raw, base64. */
  readonly keys: readonly string[];
  /** `given`: by --key. `own`: this user's key, as none was given. `none`: there is no such key either, so keys are only named. */
  readonly from: 'given' | 'own' | 'none';
}

/** `paths`: of --key. Throws `AuditKeyError` for what is no key. */
export const trustedKeys = (paths: readonly string[] | undefined): TrustedKeys => {
  if (paths !== undefined) return { keys: paths.map(keyIn), from: 'given' };
  const own = publicKeyIn(defaultKeyPath());
  return own === null ? { keys: [], from: 'none' } : { keys: [own], from: 'own' };
};

const keyIn = (path: string): string => {
  const key = publicKeyIn(path);
  if (key === null) throw new AuditKeyError(path, 'there is no such file. Name the file of the key that is expected.');
  return key;
};

/** What signs an export: the first private key that was given, else this user's own. */
export const signingKeyAmong = (paths: readonly string[] | undefined): string | undefined =>
  paths?.find((path) => isPrivateKeyIn(path));
