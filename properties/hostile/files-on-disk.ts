/**
 * A hostile chain as real files, through the product's own file system and locks: its answers must be those that it gave about the
 * files in memory, and what it refuses must be left as it was to the byte and the nanosecond.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { InspectImage } from '#application/use-cases/inspect-image';
import { NodeFileSystem } from '#infrastructure/file-system/node-file-system';
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';
import { writeImage } from '../models/plain-vhd-writer.js';
import { merge } from '../product/product.js';
import { type ChainUnderTest, type Examined, wordOf } from './examination.js';
import { portsOn } from './ports-on-files.js';

/** `immutable`: every file has the attribute that keeps even root from changing it. */
export const breachesOnDisk = async (
  chain: ChainUnderTest,
  expected: Examined,
  immutable: boolean,
): Promise<readonly string[]> => {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'chainfold-hostile-'));
  const paths = chain.paths.map((path) => join(folder, basename(path)));
  chain.paths.forEach((path, nth) => {
    const { sizeBytes, pages } = chain.files.file(path).frozen();
    const extents = [...pages].map(([page, bytes]) => ({
      offsetBytes: page * 4096,
      bytes: bytes.subarray(0, sizeBytes - page * 4096),
    }));
    writeImage(paths[nth] ?? '', { sizeBytes, extents });
  });
  try {
    if (immutable) execFileSync('chattr', ['+i', ...paths]);
    return await breachesAt(paths, chain, expected, immutable);
  } finally {
    if (immutable) execFileSync('chattr', ['-i', ...paths]);
    rmSync(folder, { recursive: true });
  }
};

const breachesAt = async (
  paths: readonly string[],
  chain: ChainUnderTest,
  expected: Examined,
  immutable: boolean,
): Promise<readonly string[]> => {
  const ports = portsOn(new NodeFileSystem(), new OfdImageLocks());
  const images = new InspectImage(ports);
  const [leaf, hostile] = [paths[0] ?? '', paths[chain.hostile] ?? ''];
  const before = paths.map(stateOf);
  const digested = await images.digest(leaf, { roots: [] }, 'chunked');
  await images.inspect(hostile);
  await images.validate(hostile);
  await ports.images.probe(hostile);
  const breaches: string[] = [];
  if (wordOf(digested) !== expected.outcome)
    breaches.push(`in memory ${expected.outcome}, on disk ${wordOf(digested)}`);
  if (digested.ok && digested.value.sha256 !== expected.sha256) breaches.push('another content on disk than in memory');
  const changedByLooking = changedSince(paths, before);
  if (changedByLooking.length > 0) breaches.push(`looking changed ${changedByLooking.join(', ')}`);
  if (!chain.withMerge) return breaches;
  const { source, destination } = chain.pair;
  const merged = await merge(ports, paths[source] ?? '', paths[destination] ?? '');
  const outcome = merged.answer === 'ran' ? merged.outcome.outcome : merged.answer;
  const wanted = immutable ? 'refused' : expected.merge;
  if (outcome !== wanted) breaches.push(`the merge in memory: ${wanted ?? 'none'}, on disk: ${outcome}`);
  const changed = changedSince(paths, before);
  if (outcome === 'refused' && changed.length > 0) breaches.push(`the refused merge changed ${changed.join(', ')}`);
  return breaches;
};

/** Everything about a file that a write changes; the time of the last read is not among it. */
const stateOf = (path: string): string => {
  const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
  return [mtimeNs, ctimeNs, size, ino, createHash('sha256').update(readFileSync(path)).digest('hex')].join(' ');
};

const changedSince = (paths: readonly string[], before: readonly string[]): readonly string[] =>
  paths.filter((path, nth) => stateOf(path) !== before[nth]).map((path) => basename(path));
