import { readIfThere } from './proc-files.js';

/** One line of /proc/self/mountinfo. */
export interface Mount {
  readonly id: string;
  /** Of the superblock, decimal: `254:0`. */
  readonly device: string;
  /** Where it is mounted. */
  readonly place: string;
  /** `ext4`, `nfs4`, `fuse.sshfs`, … */
  readonly type: string;
  /** What is mounted: a device, a share, or a word of the file system's own. */
  readonly source: string;
  /** Of the mount and of the superblock. */
  readonly options: readonly string[];
}

/** What this process sees mounted; nothing where there is no /proc. */
export const mountTable = (): readonly Mount[] =>
  (readIfThere('/proc/self/mountinfo') ?? '')
    .split('\n')
    .map(mountOf)
    .filter((mount) => mount !== null);

const LINE =
  /^(?<id>\d+) \d+ (?<device>\d+:\d+) \S+ (?<place>\S+) (?<own>\S+) .*?- (?<type>\S+) (?<source>\S*) (?<shared>\S+)$/;

/** `36 35 98:0 /root /place rw,noatime shared:1 - ext3 /dev/sda1 rw,errors=continue`; null for an empty line. */
export const mountOf = (line: string): Mount | null => {
  const fields = LINE.exec(line)?.groups;
  if (fields === undefined) return null;
  const { id, device, place, own, type, source, shared } = fields;
  return {
    id: id!,
    device: device!,
    place: withoutEscapes(place!),
    type: type!,
    source: withoutEscapes(source!),
    options: [...own!.split(','), ...shared!.split(',')],
  };
};

/** Blanks, tabs, line ends and backslashes are written in octal in the kernel's tables. */
export const withoutEscapes = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
