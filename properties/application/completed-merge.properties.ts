import { copyFileSync, mkdtempSync, renameSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SteerMerge } from '../../application/use-cases/steer-merge.js';
import { followChain, guestBytes, openChain, writePlainVhd } from '../models/plain-vhd.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { filesInMemory, merge, productPorts } from '../product/product.js';
import { StoreThat } from '../product/store-that.js';
import { block, child, smallPair } from '../product/small-disks.js';

describe('a merge that has completed', () => {
  const scratch = scratchFolder(folderInMemory());
  const pair = () => smallPair(mkdtempSync(join(scratch(), 'c-')));

  test('leaves its source superseded: merging it again over newer data is refused, unless that is asked for', async () => {
    const { base, source } = pair();
    const ports = productPorts({ files: filesInMemory() });
    await merge(ports, source, base);
    utimesSync(base, Date.now() / 1000, Date.now() / 1000);
    const again = await merge(ports, source, base);
    expect(again).toMatchObject({ answer: 'refused', error: { kind: 'source-superseded', path: source } });
    expect(await merge(ports, source, base, { allowSuperseded: true })).toMatchObject({
      outcome: { outcome: 'completed' },
    });
  });

  test('and was ended before its source was retired leaves it superseded as well', async () => {
    const { base, source } = pair();
    // Another file of that name: it is not retired, and the job waits for somebody to look.
    const store = new StoreThat('MergeVerified', () => {
      copyFileSync(source, `${source}.copy`);
      renameSync(`${source}.copy`, source);
    });
    const ports = productPorts({ store, files: filesInMemory() });
    const merged = await merge(ports, source, base, { retire: 'delete' });
    expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'failed', resumable: true } });
    if (merged.answer !== 'ran') throw new Error(merged.answer);
    const ended = await new SteerMerge(ports).steer(merged.jobId, 'terminate', 0);
    expect(ended).toMatchObject({ value: { state: { phase: 'terminated', isMerged: true } } });
    expect(await merge(ports, source, base)).toMatchObject({
      answer: 'refused',
      error: { kind: 'source-superseded', path: source },
    });
  });

  test('with its source in quarantine leaves nothing in the way of the next merge of the chain', async () => {
    const { base, source } = pair();
    const leaf = join(dirname(source), 'leaf.vhd');
    writePlainVhd(leaf, child(3, 2, 'child.vhd', new Map([[7, block(5)]])));
    const shown = guestBytes(followChain(leaf));
    const ports = productPorts({ files: filesInMemory() });
    expect(await merge(ports, source, base, { retire: 'quarantine' })).toMatchObject({
      outcome: { outcome: 'completed' },
    });
    expect(await merge(ports, leaf, base, { retire: 'quarantine' })).toMatchObject({
      outcome: { outcome: 'completed' },
    });
    expectSameBytes(guestBytes(openChain([base])), shown, 'the destination');
    // A journal that knows nothing of it takes the name for nobody's word.
    const last = join(dirname(source), 'last.vhd');
    writePlainVhd(last, child(4, 1, 'base.vhd', new Map([[8, block(6)]])));
    expect(await merge(productPorts({ files: filesInMemory() }), last, base)).toMatchObject({
      error: { kind: 'siblings-present' },
    });
    expect(await merge(ports, last, base)).toMatchObject({ outcome: { outcome: 'completed' } });
  });

  test('with its source retired is still the answer to the same request', async () => {
    const { base, source } = pair();
    const ports = productPorts({ files: filesInMemory() });
    const first = await merge(ports, source, base, { retire: 'delete' });
    expect(statSync(source, { throwIfNoEntry: false })).toBeUndefined();
    expect(await merge(ports, source, base)).toMatchObject({
      answer: 'already-completed',
      jobId: 'jobId' in first ? first.jobId : '',
    });
  });
});
