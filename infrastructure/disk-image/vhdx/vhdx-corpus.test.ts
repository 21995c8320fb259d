/** VHDX files that Windows, Disk2VHD and others wrote, opened on real files. */
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ChainView } from '#application/chain/chain-view';
import { plainDigest } from '#application/chain/view-digest';
import type { DiskImage } from '#application/ports/disk-image';
import { describeWithCorpus } from '../../../properties/corpus.js';
import { scratchFolder } from '../../../properties/models/scratch-folder.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { NodeFileSystem } from '../../file-system/node-file-system.js';
import { NodeDigests } from '../../platform/node-digests.js';
import { FormatImages } from '../format-images.js';

const images = new FormatImages(new NodeFileSystem(), 'posix', () => {
  throw new Error('reading needs no new GUID');
});

describeWithCorpus('a VHDX that others wrote', (corpus) => {
  const folder = scratchFolder();
  /** The others are hundreds of MiB to unpack: the long tests read them with the built program. */
  const vhdxs = corpus.images.filter(
    ({ format, containerBytes }) => format === 'vhdx' && containerBytes < 200 * 1024 ** 2,
  );
  test.each(vhdxs.map(({ name }) => name))(
    'opens, and is not changed by it: %s',
    async (name) => {
      const expected = corpus.image(name);
      const [path] = await corpus.unpack([name], folder());
      const before = statSync(path!, { bigint: true });
      const image = valueOf(await images.open(path!));
      expect(image.description).toMatchObject({
        format: 'vhdx',
        type: expected.kind.split(',')[0],
        virtualSizeBytes: expected.virtualSize,
        identity: expected.dataWriteGuid ?? image.description.identity,
        parentIdentities: expected.parentLinkage === undefined ? [] : [expected.parentLinkage.slice(1, -1)],
      });
      expect((await image.validate()).filter(({ severity }) => severity === 'error')).toEqual([]);
      expect((await image.inspect()).length).toBeGreaterThan(10);
      expect((await images.probe(path!))?.identity).toBe(image.description.identity);
      await image.close();
      const after = statSync(path!, { bigint: true });
      expect([after.mtimeNs, after.ctimeNs, after.size]).toEqual([before.mtimeNs, before.ctimeNs, before.size]);
    },
    60_000,
  );

  /** The others are hundreds of MiB to read, or 10 GiB to hash: the long tests do. */
  const small = vhdxs.filter(({ containerBytes, virtualSize }) => containerBytes < 2 ** 26 && virtualSize <= 2 ** 30);

  test.each(small.map(({ name }) => name))(
    '%s shows the guest its bytes',
    async (name) => {
      const chain = corpus.chainOf(name);
      const paths = await corpus.unpack(
        chain.map((image) => image.name),
        folder(),
      );
      const opened: DiskImage[] = [];
      for (const path of paths) opened.push(valueOf(await images.open(path)));
      opened.slice(1).forEach((parent, n) => {
        expect(opened[n]!.description.parentIdentities).toEqual([parent.description.identity]);
        expect(opened[n]!.description.parentCandidates[0]?.path).toBe(parent.description.path);
      });
      expect(await plainDigest(new ChainView(opened), new NodeDigests())).toBe(corpus.image(name).guestSha256);
      for (const image of opened) await image.close();
    },
    120_000,
  );
});
