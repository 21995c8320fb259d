import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { FOLDER } from '../../../properties/contracts/disk-image.contract.js';
import { checkPlainVhd, openPlainVhd } from '../../../properties/models/plain-vhd.js';
import {
  CHILD,
  BASE,
  chains,
  merged,
  imagesOn,
  restartedWith,
  described,
  planned,
  apply,
  expectBothReadersSee,
} from '../../../properties/simulation/child-to-reparent.js';
import { someDraws } from '../../../properties/simulation/draws.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';

describe('a child that gets another parent', () => {
  test.prop({ chain: chains })(
    'is written in the order that the specification of the change gives, each write flushed',
    async ({ chain }) => {
      const { files, paths } = await merged(chain);
      const images = await planned(files, paths);
      const before = files.calls.length;
      await apply(files, paths[CHILD]!, images);
      const end = files.bytes(paths[CHILD]!).length - 512;
      const region = Number(images.regionOffset);
      const names = new Map([
        [0, 'head'],
        [512, 'old header'],
        [region, 'region'],
        [end, 'tail'],
      ]);
      const words = files.calls.slice(before).map(({ operation, position }) => names.get(position ?? -1) ?? operation);
      const order = ['tail', 'region', 'tail', 'head', 'old header', 'tail', 'head'];
      expect(words).toEqual(order.flatMap((write) => [write, 'flush']));
    },
  );

  test.prop({ chain: chains })(
    'shows the same, names the new parent by id and by every path, and is sound',
    async ({ chain }) => {
      const { files, paths } = await merged(chain);
      const calls = files.calls.length;
      const images = await planned(files, paths);
      expect(files.calls.length).toBe(calls);
      await apply(files, paths[CHILD]!, images);

      const { parentIdentities, parentCandidates, warnings } = await described(files, paths[CHILD]!);
      expect(parentIdentities).toEqual([(await described(files, paths[BASE]!)).identity]);
      expect(parentCandidates.map(({ path }) => path)).toEqual([paths[BASE]!]);
      expect(warnings.filter((warning) => warning.includes('footer') || warning.includes('locator'))).toEqual([]);
      expect(checkPlainVhd(files.source(paths[CHILD]!))).toEqual([]);
      const { parent, table } = openPlainVhd(files.source(paths[CHILD]!));
      expect(parent!.locators.map(({ code, path }) => [code, path])).toEqual([
        ['MacX', `file://./${encodeURIComponent(chain.fileName(BASE))}`],
        ['W2ku', `.\\${chain.fileName(BASE)}`],
        ['W2ru', `.\\${chain.fileName(BASE)}`],
      ]);
      expect([parent!.name, parent!.timeStamp, table!.headerAt]).toEqual([chain.fileName(BASE), 0, 512]);
      expectBothReadersSee(chain, files, paths);
    },
  );

  test.prop({ chain: chains })(
    'is told apart before, between and after; applied again nothing is written',
    async ({ chain }) => {
      const { files, paths } = await merged(chain);
      const images = await planned(files, paths);
      const before = restartedWith(files, {});
      const change = imagesOn(before).resumeReparenting(paths[CHILD]!, images);
      expect(await change.state()).toBe('before');
      valueOf(await change.apply());
      expect(await change.state()).toBe('after');
      const calls = before.calls.length;
      valueOf(await change.apply());
      expect(before.calls.length).toBe(calls);
      for (let call = 2; call < calls; call += 1) {
        const cut = restartedWith(files, { powerLossAt: call });
        await expect(apply(cut, paths[CHILD]!, images)).rejects.toThrow('the power went');
        const left = imagesOn(restartedWith(cut, {})).resumeReparenting(paths[CHILD]!, images);
        expect(['between', 'after']).toContain(await left.state());
      }
    },
  );

  test.prop({ chain: chains, seed: fc.nat(100_000) }, { numRuns: 12 })(
    'opens after a power loss at any call, shows the same, and is finished by another process, also when that loses its power too',
    async ({ chain, seed }) => {
      const { files, paths } = await merged(chain);
      const images = await planned(files, paths);
      const whole = restartedWith(files, {});
      await apply(whole, paths[CHILD]!, images);
      const finished = Buffer.from(whole.bytes(paths[CHILD]!));
      for (let call = 0; call < whole.calls.length; call += 1) {
        const cut = restartedWith(files, { powerLossAt: call });
        await expect(apply(cut, paths[CHILD]!, images)).rejects.toThrow('the power went');
        for (const draw of someDraws(3, seed + call)) {
          const left = cut.restarted({ powerLossAt: draw(12) }, draw);
          expectBothReadersSee(chain, left, paths);
          await apply(left, paths[CHILD]!, images).catch((error: unknown) => {
            if (!left.isOff) throw error;
          });
          const again = left.restarted({}, draw);
          expectBothReadersSee(chain, again, paths);
          await apply(again, paths[CHILD]!, images);
          expect(Buffer.from(again.bytes(paths[CHILD]!)).equals(finished)).toBe(true);
        }
      }
    },
    120_000,
  );
});

describe('a re-parenting', () => {
  test('of a disk without a parent, or to a parent of another format, is refused', async () => {
    const chain = fc.sample(chains, { numRuns: 1, seed: 1 })[0]!;
    const { files, paths } = await merged(chain);
    const base = await described(files, paths[BASE]!);
    const images = imagesOn(files);
    const refusal = async (path: string, parent: typeof base): Promise<string> => {
      const answer = await images.reparenting(path, parent);
      return answer.ok ? 'ok' : answer.error.kind;
    };
    expect(await refusal(paths[BASE]!, base)).toBe('not-differencing');
    expect(await refusal(paths[CHILD]!, { ...base, format: 'vhdx' })).toBe('mixed-formats');
    expect(await refusal(`${FOLDER}/nothing.vhd`, base)).toBe('file-not-found');
  });
});
