import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AuditJob } from '#application/use-cases/audit-job';
import { ListJobs } from '#application/use-cases/list-jobs';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { merge } from '../product/product.js';
import { chainOf, changedBy, content, createBase, digestOf, eventsOf, FORMATS, reparent } from './reparent-disks.js';
import { fingerprintsBelow, judged, smallChain } from './reparent-files.js';

/** What `reparent` does to real files. Refusals, crashes and kills have files of their own. */

describe.each(FORMATS)('a child (%s) is given its parent', (format) => {
  const scratch = scratchFolder(folderInMemory());

  test.each([
    ['renamed', 'vm', 'new name.EXT'],
    ['moved to a folder beside', 'moved', 'base.EXT'],
    ['moved below', 'vm/deep/er', 'base.EXT'],
    ['moved above', '.', 'Grundlage-ä.EXT'],
  ])(
    'that was %s: the chain opens and shows what it showed; again there is nothing to do',
    async (_title, folder, name) => {
      const { root, ports, child, base } = await smallChain(scratch(), format);
      const before = await digestOf(ports, child, []);
      mkdirSync(join(root, folder), { recursive: true });
      const parent = join(root, folder, name.replace('EXT', format));
      renameSync(base, parent);
      expect(changedBy(await reparent(ports, child, parent)).state.link).toMatchObject({ identityMatched: true });

      expect(await chainOf(ports, child, [root])).toEqual([child, parent]);
      expect(await digestOf(ports, child, [root])).toBe(before);
      expect(judged(format, child)).toEqual({ paths: [child, parent], sha256: before });
      const files = fingerprintsBelow(root);
      expect(await reparent(ports, child, parent)).toEqual({ answer: 'unchanged', child, parent, finished: null });
      expect(fingerprintsBelow(root)).toEqual(files);
      expect(await eventsOf(ports)).toEqual(['ReparentRequested', 'ParentLinkPrepared', 'ParentLinkChanged']);
    },
  );

  test('and the folder of both can be moved afterwards', async () => {
    const { root, ports, child, base } = await smallChain(scratch(), format);
    const parent = join(root, `other.${format}`);
    renameSync(base, parent);
    changedBy(await reparent(ports, child, parent));
    const elsewhere = `${root}-elsewhere`;
    renameSync(root, elsewhere);
    const moved = [child, parent].map((path) => path.replace(root, elsewhere));
    expect(await chainOf(ports, moved[0]!, [elsewhere])).toEqual(moved);
  });

  test('of another identity only when that is said; the record says that no data were compared', async () => {
    const { root, ports, child, base, raw } = await smallChain(scratch(), format);
    const other = join(root, `other.${format}`);
    await createBase(ports, other, format, raw(content(format, 1, 2)));
    expect(await reparent(ports, child, other)).toMatchObject({
      answer: 'refused',
      error: { kind: 'identity-mismatch', message: expect.stringMatching(/--ignore-id-mismatch/) as string },
    });
    const wrong = changedBy(await reparent(ports, child, other, { ignoreIdMismatch: true }));
    expect(wrong.state.link).toMatchObject({ identityMatched: false });
    expect(await chainOf(ports, child, [root])).toEqual([child, other]);
    const before = judged(format, child).sha256;
    changedBy(await reparent(ports, child, base, { ignoreIdMismatch: true }));
    expect(await chainOf(ports, child, [root])).toEqual([child, base]);
    expect(judged(format, child).sha256).toBe(before);
  });

  test('and its own child does not notice; the record is audited, is no job, and a merge goes by the new link', async () => {
    const { root, ports, child, base, over } = await smallChain(scratch(), format);
    const leaf = await over(child, 'leaf', 5);
    const before = await digestOf(ports, leaf, []);
    const parent = join(root, `b.${format}`);
    renameSync(base, parent);
    const { reparentId } = changedBy(await reparent(ports, child, parent));
    expect(await digestOf(ports, leaf, [root])).toBe(before);
    expect(await new AuditJob(ports).audit(reparentId.slice(0, 8))).toMatchObject({
      ok: true,
      value: { jobId: reparentId, isRight: true, signature: { state: 'signed' } },
    });
    expect(await new ListJobs(ports).all()).toEqual([]);
    expect(await merge(ports, leaf, parent, { roots: [root] })).toMatchObject({ outcome: { outcome: 'completed' } });
    expect(await digestOf(ports, parent, [])).toBe(before);
  });
});
