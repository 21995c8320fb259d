import { execFileSync } from 'node:child_process';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { describeWithQemu, qemuRawSha256 } from '../qemu.js';
import { run } from './built-program.js';
import { expectDone, mergeVhdx, programDigest } from './vhdx-judges.js';

const MIB = 1024 * 1024;

/** A fixed VHDX of QEMU without zero states ends with the disk's last sector, in the middle of its last block. */
describeWithQemu('a file that ends inside its last block', () => {
  const scratch = scratchFolder();

  test('is read, grows to whole blocks when it is merged into, and QEMU still reads it right', async () => {
    const folder = mkdtempSync(join(scratch(), 'q-'));
    const [base, child, raw] = ['base.vhdx', 'child.vhdx', 'child.raw'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const options = 'subformat=fixed,block_size=8M,block_state_zero=off';
    execFileSync('qemu-img', ['create', '-q', '-f', 'vhdx', '-o', options, base, '10M']);
    execFileSync('qemu-io', ['-f', 'vhdx', '-c', 'write -q -P 7 9M 512k', base]);
    const sizeBefore = statSync(base).size;
    expect(sizeBefore % (8 * MIB)).not.toBe(0);
    expect((await run(['validate', base])).code).toBe(0);
    expect(await programDigest(base)).toBe(await qemuRawSha256(base));

    const shown = Buffer.alloc(10 * MIB, 7);
    shown.fill(9, 10 * MIB - 4096);
    writeFileSync(raw, shown);
    const made = await run(['diff', child, base, '--from', raw]);
    expect(made.code, made.stderr).toBe(0);
    const expected = await programDigest(child);
    expectDone(await mergeVhdx(child, base, join(folder, 'journal.db')));

    expect([await programDigest(base), await qemuRawSha256(base)]).toEqual([expected, expected]);
    expect(statSync(base).size).toBeGreaterThan(sizeBefore);
  });
});
