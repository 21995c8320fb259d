/** A child in a folder of its own over its base, on real files; and judges of it that are not the product. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunPorts } from '#application/merge/run-context';
import { followChain, guestSha256 } from '../models/plain-vhd.js';
import { followVhdxChain, vhdxGuestSha256 } from '../models/plain-vhdx.js';
import { productPorts } from '../product/product.js';
import { FreeLocks } from '../simulation/free-locks.js';
import { content, createBase, createChild, type Format } from './reparent-disks.js';
import { fingerprint } from './vhdx-judges.js';

export interface SmallChain {
  readonly format: Format;
  readonly ports: RunPorts;
  /** The folder that holds `vm`, where both are. */
  readonly root: string;
  readonly child: string;
  readonly base: string;
  /** Writes a raw file somewhere else, and gives its path. */
  readonly raw: (content: Uint8Array) => string;
  /** A further child, beside the first. */
  readonly over: (parent: string, name: string, ...numbers: readonly number[]) => Promise<string>;
}

export const smallChain = async (scratch: string, format: Format): Promise<SmallChain> => {
  const root = mkdtempSync(join(scratch, 'r-'));
  const folder = join(root, 'vm');
  mkdirSync(folder);
  // Looking for who has a file takes its time: tests that are about locks take real ones.
  const ports = productPorts({ locks: new FreeLocks() });
  const [child, base] = [join(folder, `child.${format}`), join(folder, `base.${format}`)];
  const raw = (bytes: Uint8Array): string => {
    const path = join(scratch, `raw-${randomUUID()}`);
    writeFileSync(path, bytes);
    return path;
  };
  const over = async (parent: string, name: string, ...numbers: readonly number[]): Promise<string> => {
    const path = join(folder, `${name}.${format}`);
    await createChild(ports, path, parent, format, raw(content(format, ...numbers)));
    return path;
  };
  await createBase(ports, base, format, raw(content(format, 1, 2)));
  await over(base, 'child', 2, 3);
  return { format, ports, root, child, base, raw, over };
};

/** What a reader that shares no code with the product finds: the chain by the child's own words, and what it shows. */
export const judged = (
  format: Format,
  child: string,
): { readonly paths: readonly string[]; readonly sha256: string } =>
  format === 'vhd'
    ? { paths: followChain(child).map(({ source }) => source.path), sha256: guestSha256(followChain(child)) }
    : {
        paths: followVhdxChain(child).map(({ source }) => source.path),
        sha256: vhdxGuestSha256(followVhdxChain(child)),
      };

/** Every file of a tree, bytes and times. */
export const fingerprintsBelow = (root: string): readonly unknown[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => [path, fingerprint(path)]);
