/** What a file has besides its bytes, as the kernel tells: owner, mode, extended attributes with the ACL among them, and flags. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';

/** An access ACL as the kernel keeps it: version 2; entries of tag, rights and id: the owner, user 1000, the group, the mask, all others. */
const ACL_BYTES =
  '02000000 0100 0600 ffffffff 0200 0400 e8030000 0400 0400 ffffffff 1000 0400 ffffffff 2000 0000 ffffffff';

const GIVE = `
import os, sys
for path in sys.argv[1:]:
    os.chown(path, 1000, 1001)
    os.chmod(path, 0o640)
    os.setxattr(path, "system.posix_acl_access", bytes.fromhex("${ACL_BYTES}"))
    os.setxattr(path, "trusted.chainfold", b"kept")
    os.setxattr(path, "security.chainfold", b"kept, too")
    try:
        os.setxattr(path, "user.chainfold", b"\\x00bytes\\xff")
    except OSError:
        pass  # tmpfs has these since Linux 6.6.
`;

const TELL = `
import os, sys, json
path = sys.argv[1]
print(json.dumps({name: os.getxattr(path, name).hex() for name in sorted(os.listxattr(path))}))
`;

export const giveAttributes = (...paths: readonly string[]): void => {
  execFileSync('python3', ['-c', GIVE, ...paths]);
};

export const attributesOf = (path: string): Readonly<Record<string, unknown>> => {
  const { uid, gid, mode } = statSync(path);
  const extended = JSON.parse(execFileSync('python3', ['-c', TELL, path], { encoding: 'utf8' })) as unknown;
  return { uid, gid, mode, extended, flags: flagsOf(path) };
};

/** Of `chattr`; null where the file system has none. */
const flagsOf = (path: string): string | null => {
  try {
    return execFileSync('lsattr', ['-d', path], { encoding: 'utf8', stdio: 'pipe' })
      .split(' ')[0]!
      .replaceAll('e', '-');
  } catch {
    // tmpfs of an older kernel: there is nothing that could be lost.
    return null;
  }
};
