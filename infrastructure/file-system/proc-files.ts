import * as fs from 'node:fs';
import { systemCodeOf } from './system-fault.js';

/** The kernel's own small files, in /proc and /sys. They come and go while one looks: what is gone is null. */

/** A process that ended while it was looked at, a device that went away. */
const GONE = new Set(['ENOENT', 'ESRCH', 'ENOTDIR', 'ENXIO', 'ENODEV', 'EINVAL']);
/** Another user's. */
const HIDDEN = new Set(['EACCES', 'EPERM']);

/** What was seen, or why nothing was: it is gone, or not for this user to see. */
export type Look<T> = { readonly seen: T } | { readonly seen: null; readonly hidden: boolean };

export const look = <T>(at: () => T): Look<T> => {
  try {
    return { seen: at() };
  } catch (error) {
    const code = systemCodeOf(error) ?? '';
    if (HIDDEN.has(code)) return { seen: null, hidden: true };
    if (GONE.has(code)) return { seen: null, hidden: false };
    throw error;
  }
};

export const readIfThere = (path: string): string | null => look(() => fs.readFileSync(path, 'utf8')).seen;
export const listIfThere = (folder: string): readonly string[] => look(() => fs.readdirSync(folder)).seen ?? [];
export const linkIfThere = (path: string): string | null => look(() => fs.readlinkSync(path)).seen;

/** Ids of the processes that this one is shown. */
export const processIds = (): readonly string[] => listIfThere('/proc').filter((name) => /^\d+$/.test(name));

/** The table of all file locks, line by line. */
export const kernelLockLines = (): readonly string[] => (readIfThere('/proc/locks') ?? '').split('\n');

/** Command lines and names come from other programs: what could move a terminal's cursor is taken out, and the length is bounded. */
const printable = (text: string): string => text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?').slice(0, 60);

const INTERPRETER = /^(node|bun|deno|python[\d.]*)$/;

/** The program's name; with its script, for an interpreter. `unknown` when the process is gone or not ours to see. */
export const programOf = (pid: number): string => {
  const words = (readIfThere(`/proc/${String(pid)}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
  const name = baseName(words[0] ?? readIfThere(`/proc/${String(pid)}/comm`)?.trimEnd() ?? '');
  const script = INTERPRETER.test(name)
    ? words.slice(1).find((word) => /^[^-].*\.[cm]?[jt]s$|^[^-].*\.py$/.test(word))
    : undefined;
  const said = script === undefined ? name : `${name} ${baseName(script)}`;
  return said === '' ? 'unknown' : printable(said);
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Numeric id of the user whose process it is; null when it is gone. */
export const userIdOf = (pid: number | string): number | null =>
  look(() => fs.statSync(`/proc/${String(pid)}`).uid).seen;

/** The name that this host has for a user, or his number. */
export const userName = (uid: number): string => {
  const lines = (readIfThere('/etc/passwd') ?? '').split('\n').map((line) => line.split(':'));
  return printable(lines.find((fields) => fields[2] === String(uid))?.[0] ?? String(uid));
};
