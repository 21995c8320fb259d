import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { guestBytes, openChain } from '../models/plain-vhd.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { filesInMemory, merge, productPorts, recordedEvents } from '../product/product.js';
import { smallPair } from '../product/small-disks.js';
import { StoreThat } from '../product/store-that.js';

describe('a destination that does not read back as merged', () => {
  const scratch = scratchFolder(folderInMemory());
  const pair = () => {
    const { base, source } = smallPair(mkdtempSync(join(scratch(), 'c-')));
    return { base, source, view: guestBytes(openChain([source, base])) };
  };
  const spoil = (path: string, fill: number): void => {
    const bytes = readFileSync(path);
    bytes[bytes.indexOf(Buffer.alloc(512, fill)) + 100] = 0xee;
    writeFileSync(path, bytes);
  };

  test('has the block merged again and committed by a second event, and is verified anew', async () => {
    const { base, source, view } = pair();
    let times = 0;
    const store = new StoreThat('DestinationFinalized', () => {
      if (++times === 1) spoil(base, 8);
    });
    const ports = productPorts({ files: filesInMemory(), store });
    const merged = await merge(ports, source, base);
    expect(merged).toMatchObject({ outcome: { outcome: 'completed' } });
    const blocks = (await recordedEvents(ports, 'jobId' in merged ? (merged.jobId ?? '') : '')).filter(
      ({ type }) => type === 'BlockMerged',
    );
    expect(blocks.map(({ data }) => data)).toMatchObject([
      { block: 0, repair: false },
      { block: 5, repair: false },
      { block: 5, repair: true },
    ]);
    expectSameBytes(guestBytes(openChain([base])), view, 'the destination');
  });

  test('fails when the block differs again, keeps the source, and can be resumed', async () => {
    const { base, source, view } = pair();
    const store = new StoreThat('DestinationFinalized', () => {
      spoil(base, 8);
    });
    const ports = productPorts({ files: filesInMemory(), store });
    const merged = await merge(ports, source, base, { retire: 'delete' });
    expect(merged).toMatchObject({
      outcome: { outcome: 'failed', resumable: true, error: { kind: 'verification-failed', path: base } },
    });
    expectSameBytes(guestBytes(openChain([source, base])), view, 'the source');
    const later = productPorts({ files: filesInMemory(), store: ports.store });
    expect(await merge(later, source, base)).toMatchObject({ outcome: { outcome: 'failed' } });
  });
});
