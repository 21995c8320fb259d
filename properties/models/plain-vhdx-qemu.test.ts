/**
 * The plain VHDX writer's images as QEMU sees them: those without a parent, since QEMU opens no others. With a dirty log QEMU is the
 * second judge of what it holds. But it applies entries before the tail too (FORMATS.md B8), and of a sequence that goes on at the
 * ring's beginning it sees the last entries only: it does not look whether a sequence has its tail. So there are none of either here.
 */
import { type fc, test } from '@fast-check/vitest';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  type VhdxChainSpec,
  VhdxChainSpec as Chain,
  vhdxChains,
  materialiseVhdx,
  vhdxView,
} from '../arbitraries/vhdx-chains.js';
import { runs } from '../budget.js';
import { describeWithQemu, qemuInfo, withRawCopy } from '../qemu.js';
import { firstDifference } from './flat-disk.js';
import { checkPlainVhdx, type PlainPayload, VHDX_DIALECTS, writePlainVhdx } from './plain-vhdx.js';
import { scratchFolder } from './scratch-folder.js';

const MIB = 1024 ** 2;

/** The base alone, with a log that QEMU can read. */
const baseOf = (chain: VhdxChainSpec): VhdxChainSpec =>
  new Chain(
    chain.logicalSectorBytes,
    chain.layers.slice(-1).map(({ log, ...layer }) => {
      if (log === undefined) return layer;
      const wraps = (log.startBytes ?? 0) > MIB / 2;
      return { ...layer, log: { ...log, retired: 0, entries: wraps ? 1 : (log.entries ?? 1) } };
    }),
    chain.fileStem,
  );
const bases = (dirtyLogs: boolean): fc.Arbitrary<VhdxChainSpec> =>
  vhdxChains({ minDepth: 1, maxDepth: 1, logicalSectorBytes: 512, dirtyLogs }).map(baseOf);

/** Throws with qemu-img's own words when it finds anything; `-r all` applies the log. */
const qemuCheck = (path: string, ...options: readonly string[]): void => {
  execFileSync('qemu-img', ['check', '-q', ...options, '-f', 'vhdx', path], { stdio: 'pipe' });
};

describeWithQemu('of what the plain VHDX writer wrote, qemu-img', () => {
  const folder = scratchFolder();
  const rawBytes = (path: string): Promise<Buffer> => withRawCopy(path, async (raw) => readFileSync(raw));

  test.prop([bases(false)], runs(8, 60))(
    'checks fixed and dynamic images, and reads them as the flat disk',
    async (chain) => {
      const [path = ''] = materialiseVhdx(chain, folder()).paths;
      qemuCheck(path);
      expect(qemuInfo(path)).toEqual({ format: 'vhdx', virtualSizeBytes: chain.sizeBytes(0) });
      expect(firstDifference(vhdxView(chain), await rawBytes(path))).toBeUndefined();
    },
    120_000,
  );

  test.prop([bases(true).filter(({ layers }) => layers[0]?.log?.state === 'dirty')], runs(5, 40))(
    'applies the log as the plain reader does',
    async (chain) => {
      const [path = ''] = materialiseVhdx(chain, folder()).paths;
      expect(checkPlainVhdx(path).map(({ kind }) => kind)).toContain('dirty log');
      qemuCheck(path, '-r', 'all');
      expect(checkPlainVhdx(path).map(({ kind }) => kind)).not.toContain('dirty log');
      expect(firstDifference(vhdxView(chain), await rawBytes(path))).toBeUndefined();
    },
    120_000,
  );

  test.each(VHDX_DIALECTS)('finds the blocks of several chunks as %s writes them', (dialect) => {
    const places = { first: 0, endOfChunk: 4 * 1024 * MIB - 512, nextChunk: 4 * 1024 * MIB, last: 8 * 1024 * MIB };
    const blockSizeBytes = 256 * MIB;
    const payload = new Map<number, PlainPayload>();
    Object.values(places).forEach((at, nth) => {
      const block = Math.floor(at / blockSizeBytes);
      const bytes = new Uint8Array(512).fill(nth + 1);
      payload.set(block, { state: 6, content: [{ firstSector: (at % blockSizeBytes) / 512, bytes }] });
    });
    const path = join(folder(), `chunks, ${dialect}.vhdx`);
    const dataWriteGuid = '7584f8fb-36d3-4091-afb5-b1afe587bfa8';
    const sizeBytes = places.last + 512;
    writePlainVhdx(path, {
      type: 'dynamic',
      dialect,
      sizeBytes,
      blockSizeBytes,
      logicalSectorBytes: 512,
      payload,
      dataWriteGuid,
    });
    qemuCheck(path);
    Object.values(places).forEach((at, nth) => {
      for (const [from, value] of [
        [at, nth + 1],
        [nth % 2 === 0 ? at + 512 : at - 512, 0],
      ] as const)
        expect(qemuReads(path, from, value)).toBe('');
    });
  });
});

/** What qemu-io says when the 512 bytes there are not all `value`; nothing when they are. */
const qemuReads = (path: string, offsetBytes: number, value: number): string => {
  const image = `driver=vhdx,file.filename=${path.replaceAll(',', ',,')}`;
  const read = `read -q -P ${value} ${offsetBytes} 512`;
  return execFileSync('qemu-io', ['-r', '--image-opts', image, '-c', read], { encoding: 'utf8', stdio: 'pipe' });
};
