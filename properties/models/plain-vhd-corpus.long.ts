import { expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { checkPlainVhd, guestSha256, openChain } from './plain-vhd.js';
import { scratchFolder } from './scratch-folder.js';

describeWithCorpus('of the corpus, unpacked more than 200 MB,', (corpus) => {
  const folder = scratchFolder();
  const big = corpus.images.filter(
    ({ format, containerBytes }) => format === 'vhd' && containerBytes >= 200 * 1024 ** 2,
  );

  test('there is one VHD', () => {
    expect(big.map(({ name }) => name)).toEqual(['d2v-zerofilled.vhd']);
  });

  test.each(big)('$name is read as the manifest says', async ({ name, guestSha256: expected }) => {
    const [path = ''] = await corpus.unpack([name], folder());
    expect(guestSha256(openChain([path]))).toBe(expected);
    expect(checkPlainVhd(path)).toEqual([]);
  });
});
