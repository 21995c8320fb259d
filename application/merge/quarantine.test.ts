import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseHeader, encodeHeader, HEADER_BYTES, HEADER_OFFSETS } from '#domain/disk-format/vhdx/header';
import { identity, writeDisk } from '../../properties/infrastructure/scan-forest.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { filesInMemory, merge, productPorts } from '../../properties/product/product.js';
import { allowedRoots } from '../chain/allowed-roots.js';
import { findRelatives } from '../chain/relatives.js';
import { allJobs, type KnownJob } from '../jobs/job-directory.js';
import { openAndCheck, placesOf } from './locked-chain.js';
import { quarantineName, withoutGivenUp } from './quarantine.js';
import type { MergeOptions } from '#domain/merge-job/events';

const scratch = scratchFolder(folderInMemory());

/** A base, a source on it, and `kid` on the source, if it is asked for. */
const family = (ending: 'vhd' | 'vhdx', names: readonly string[] = ['base', 'source']) => {
  const folder = mkdtempSync(join(scratch(), 'q-'));
  const files = names.map((name, n) => {
    const path = join(folder, `${name}.${ending}`);
    const parent = n === 0 ? null : { identity: identity(n), name: `${names[n - 1]!}.${ending}` };
    writeDisk({ path, identity: identity(n + 1), parent });
    return path;
  });
  const [base, source, kid] = files as [string, string, string];
  return { folder, base, source, kid, ports: productPorts({ files: filesInMemory() }) };
};
type Family = ReturnType<typeof family>;

const merged = async ({ ports }: Family, source: string, destination: string, options: Partial<MergeOptions> = {}) => {
  const answer = await merge(ports, source, destination, options);
  if (answer.answer !== 'ran' || answer.outcome.outcome !== 'completed') throw new Error(JSON.stringify(answer));
  return answer.jobId;
};

/** Relatives of a merge of `source` into the base: all that are found, and those that count. */
const relatives = async ({ ports, base }: Family, source: string, jobs?: readonly KnownJob[]) => {
  const roots = await allowedRoots([source, base], { roots: [] }, ports.files);
  const checked = await openAndCheck({ source, destination: base }, roots, ports);
  if (!checked.ok) throw new Error(checked.error.message);
  const found = await findRelatives(
    checked.value.sources,
    checked.value.destination,
    placesOf(checked.value.chain, roots),
    ports,
  );
  await checked.value.chain.close();
  const known: KnownJob[] = [];
  for await (const job of allJobs(ports)) known.push(job);
  const named = ({ siblings, children }: typeof found) => ({
    siblings: siblings.map(({ image, link }) => [image.path, link]),
    children: children.map(({ image }) => image.path),
  });
  return { all: named(found), counting: named(withoutGivenUp(found, jobs ?? known)) };
};

/** What a machine does that runs on the disk: it gets a new DataWriteGuid. */
const writtenByGuest = (path: string, dataWriteGuid: string): void => {
  const bytes = readFileSync(path);
  const [first, second] = HEADER_OFFSETS.map((at) => bytes.subarray(at, at + HEADER_BYTES)) as [Buffer, Buffer];
  const choice = chooseHeader(first, second, bytes.length);
  if (!choice.ok) throw new Error('no header');
  const { header } = choice.value;
  for (const [n, at] of HEADER_OFFSETS.entries())
    bytes.set(encodeHeader({ ...header, dataWriteGuid, sequenceNumber: header.sequenceNumber + BigInt(n + 1) }), at);
  writeFileSync(path, bytes);
};

const nextOn = (made: Family, identityOfBase: string, ending: 'vhd' | 'vhdx'): string => {
  const path = join(made.folder, `next.${ending}`);
  writeDisk({ path, identity: identity(77), parent: { identity: identityOfBase, name: `base.${ending}` } });
  return path;
};

describe('disks that a completed merge gave up', () => {
  it('do not count when their link broke because a machine ran on the merged disk', async () => {
    const made = family('vhdx');
    await merged(made, made.source, made.base);
    writtenByGuest(made.base, identity(99));
    const next = nextOn(made, identity(99), 'vhdx');
    const { all, counting } = await relatives(made, next);
    expect(all.siblings).toEqual([[made.source, 'path']]);
    expect(counting.siblings).toEqual([]);
    expect((await relatives(made, next, [])).counting.siblings).toEqual([[made.source, 'path']]);
    await merged(made, next, made.base);
  });

  it('count again when another disk has their name', async () => {
    const made = family('vhdx');
    await merged(made, made.source, made.base);
    writtenByGuest(made.base, identity(99));
    const next = nextOn(made, identity(99), 'vhdx');
    writeDisk({ path: made.source, identity: identity(55), parent: { identity: identity(1), name: 'base.vhdx' } });
    expect((await relatives(made, next)).counting.siblings).toEqual([[made.source, 'path']]);
    expect(await merge(made.ports, next, made.base)).toMatchObject({ error: { kind: 'siblings-present' } });
  });

  it('do not count in quarantine, whatever they say, as long as the journal knows of them', async () => {
    const made = family('vhd');
    const jobId = await merged(made, made.source, made.base, { retire: 'quarantine' });
    const next = nextOn(made, identity(1), 'vhd');
    const { all, counting } = await relatives(made, next);
    expect(all.siblings).toEqual([[quarantineName(made.source, jobId), 'identity']]);
    expect(counting.siblings).toEqual([]);
    expect((await relatives(made, next, [])).counting.siblings).toHaveLength(1);
    await merged(made, next, made.base);
  });
});

describe('a second merge', () => {
  it('takes a child that the first one gave a new parent', async () => {
    for (const ending of ['vhd', 'vhdx'] as const) {
      const made = family(ending, ['base', 'source', 'kid']);
      await merged(made, made.source, made.base, { retire: 'quarantine' });
      expect((await relatives(made, made.kid)).counting).toEqual({ siblings: [], children: [] });
      await merged(made, made.kid, made.base);
    }
  });

  it('is stopped by the kept source of the first as long as that still hangs on the disk', async () => {
    const made = family('vhd', ['base', 'source', 'kid']);
    await merged(made, made.source, made.base);
    expect((await relatives(made, made.kid)).counting.siblings).toEqual([[made.source, 'identity']]);
    expect(await merge(made.ports, made.kid, made.base)).toMatchObject({
      error: { kind: 'siblings-present', related: [made.source] },
    });
  });
});
