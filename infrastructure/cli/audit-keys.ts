import { defaultKeyPath } from '../event-store/journal-url.js';
import { AuditKeyError, isPrivateKeyIn, publicKeyIn } from '../platform/audit-key.js';

/** The keys that are known by name. */
export interface TrustedKeys {
  /** Raw, base64. */
  readonly keys: readonly string[];
  /**
   * `given`: by --key; a signature of the record by another is wrong. `own`: this user's key, as none was given; it is marked, and
   * another is not wrong, as the job may be somebody else's. `none`: there is no such key either.
   */
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

/** The keys that the signatures of the record must be by: none, when only a person can tell. */
export const expectedKeys = ({ keys, from }: TrustedKeys): readonly string[] => (from === 'given' ? keys : []);

/** What signs an export: the first private key that was given, else this user's own. */
export const signingKeyAmong = (paths: readonly string[] | undefined): string | undefined =>
  paths?.find((path) => isPrivateKeyIn(path));
