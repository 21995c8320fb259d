/** Log replay as an attack: a log writes anywhere, and is applied before anything else is believed. CRASH-TESTS.md 4.5 */
import { type Damage, damagedImage, dirty, inHeader, MIB } from '../models/plain-vhdx-damage.js';
import { hostile } from './hostile-file.js';
import { handMadeEntry, loggedEntry, u64, withLog } from './hostile-vhdx-damages.js';

const KIB = 1024n;
const mib = (n: number): bigint => BigInt(n * MIB);
const zeroed = (offset: bigint, length: bigint): Damage => loggedEntry({ zeros: [{ offset, length }], last: mib(8) });
const MOST = 2n ** 64n - 1n;

/** A log of 16 MiB, each sector of which starts as an entry of the whole log. */
const manyHeaders: Damage = (file) => {
  const sector = handMadeEntry({ zeros: [] });
  sector.writeUInt32LE(16 * MIB, 8);
  sector.writeUInt32LE(500_000, 24);
  for (let at = MIB; at < 17 * MIB; at += 4096) file.write(at, sector);
};
/** Zero descriptors of one page. A log of 16 MiB has room for five times as many; it takes twice as long to make one as to read it. */
const manyZeros = (count: number): Damage =>
  loggedEntry({
    zeros: Array.from({ length: count }, () => ({ offset: mib(20), length: 4096n })),
    last: 8192n * mib(1),
  });
/** 4000 entries, one a sector, each the last of a sequence of its own. */
const manySequences: Damage = (file) => {
  for (let n = 0; n < 255; n += 1)
    file.write(MIB + n * 4096, handMadeEntry({ zeros: [], sequence: BigInt(1000 + 2 * n), tail: n * 4096 }));
};
const long = { ...dirty, logMib: 16 };

export const LOG_CASES = [
  withLog('a target: the identifier', zeroed(0n, 4096n), 'log-entry'),
  withLog('a target: header 1', zeroed(64n * KIB, 4096n), 'log-entry'),
  withLog('a target: header 2, from the region tables backwards', zeroed(128n * KIB, 128n * KIB), 'log-entry'),
  withLog('a target: both region tables, which are gone then', zeroed(192n * KIB, 128n * KIB), 'region-table'),
  withLog('a target: the metadata, which are gone then', zeroed(mib(2), 64n * KIB), 'metadata-table'),
  withLog('a target: the BAT, which is the log’s to write', zeroed(mib(3), mib(1)), 'opened', undefined),
  withLog('a target: the log itself', zeroed(mib(1), 4096n), 'log-entry'),
  withLog('a target: the last page of the log', zeroed(mib(2) - 4096n, 8192n), 'log-entry'),
  withLog('a target behind the end of the file', zeroed(2n ** 40n, 4096n), 'log-entry'),
  withLog('a target whose end is 2^64', zeroed(2n ** 64n - 4096n, 4096n), 'log-entry'),
  withLog('a target whose end is beyond 2^64', zeroed(2n ** 64n - 4096n, 2n ** 63n), 'log-entry'),
  withLog('an exabyte of zeros', zeroed(mib(4), 2n ** 60n), 'log-entry'),
  withLog('zeros of no length', zeroed(mib(3), 0n), 'opened'),
  withLog(
    'targets over one another',
    loggedEntry({
      zeros: [
        { offset: mib(3), length: 8192n },
        { offset: mib(3) + 4096n, length: 8192n },
        { offset: mib(3), length: mib(1) },
      ],
      last: mib(8),
    }),
    'opened',
  ),
  withLog(
    'zero descriptors in the header, and a million in the sector',
    loggedEntry({ zeros: [], descriptorCount: 1_000_000 }),
    'log-corrupt',
  ),
  withLog(
    'cloud-hypervisor#8799: the last sequence number in the log',
    loggedEntry({ zeros: [], sequence: MOST }),
    'opened',
  ),
  hostile(
    'cloud-hypervisor#8799: the last sequence number in the header',
    () => damagedImage(dirty, inHeader(u64(MOST, 8))),
    'opened',
    {
      warning: 'The log has not been applied',
    },
  ),
  withLog('a file that grows to 2^64', loggedEntry({ zeros: [], last: MOST }), 'log-entry'),
  withLog('a file that grows by 63 TiB, in memory only', loggedEntry({ zeros: [], last: 63n * 2n ** 40n }), 'opened'),
  withLog('16 MiB of entries that claim the whole log', manyHeaders, 'log-corrupt', undefined, long),
  withLog('500 descriptors of one page', manyZeros(500), 'opened'),
  withLog('100,000 descriptors of one page', manyZeros(100_000), 'opened', undefined, long),
  withLog('255 sequences of one entry', manySequences, 'opened'),
  withLog('a log of 17 MiB', loggedEntry({ zeros: [] }), 'log-too-large', undefined, { ...dirty, logMib: 17 }),
] as const;
