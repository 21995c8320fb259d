import { expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { checkPlainVhdx, openVhdxChain, vhdxGuestSha256 } from './plain-vhdx.js';
import { scratchFolder } from './scratch-folder.js';

describeWithCorpus('of the corpus, large in the file or as a disk,', (corpus) => {
  const folder = scratchFolder();
  const big = corpus.images.filter(
    ({ format, containerBytes, virtualSize }) =>
      format === 'vhdx' && (containerBytes >= 200 * 1024 ** 2 || virtualSize >= 8 * 1024 ** 3),
  );

  test('there are three VHDX', () => {
    expect(big.map(({ name }) => name).sort()).toEqual(['lvm2.vhdx', 'swap.vhdx', 'test-disk2vhd.vhdx']);
  });

  test.each(big)('$name is read as the manifest says', async ({ name, creator, guestSha256: expected }) => {
    const [path = ''] = await corpus.unpack([name], folder());
    expect(vhdxGuestSha256(openVhdxChain([path]))).toBe(expected);
    // Disk2VHD's file ends 512 bytes behind a MiB border.
    const complaints = checkPlainVhdx(path).map(({ kind }) => kind);
    expect(complaints).toEqual(creator.startsWith('d2v') ? ['file size'] : []);
  });
});
