import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { describeWithQemu, qemuInfo, qemuRawSha256 } from '../qemu.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { programPath, resultOf, run } from './built-program.js';
import { chainToConvert, expectSurvivesKills, fileSha256 } from './killed-conversion.js';

// Starts the built program, CHAINFOLD_BIN.
const scratch = scratchFolder();

/** As vitest types it, this is anything. */
const matching = (words: RegExp): string => expect.stringMatching(words) as string;
const place = (): string => mkdtempSync(join(scratch(), 'c-'));

describe('chainfold convert', { timeout: 60_000 }, () => {
  it('makes the disk, and says as what, with its digest', async () => {
    const folder = place();
    const { leaf, sha256 } = chainToConvert(folder);
    const times = statSync(leaf, { bigint: true });
    const raw = await run(['convert', 'leaf.vhd', 'new.raw'], { cwd: folder });
    expect(raw).toMatchObject({
      code: 0,
      stdout: matching(/Made .*new\.raw: a raw disk of 16 MiB\.\nIt shows sha256-chunked:[0-9a-f]{64}; read back/),
    });
    expect(fileSha256(join(folder, 'new.raw'))).toBe(sha256);
    const vhdx = await run(['convert', 'leaf.vhd', 'new.vhdx', '--block-size', '1M', '--verify', 'none', '--json'], {
      cwd: folder,
    });
    expect(resultOf(vhdx)).toMatchObject({
      type: 'result',
      returnValue: 0,
      path: join(folder, 'new.vhdx'),
      disk: { format: 'vhdx', type: 'dynamic', blockSize: 1024 ** 2, verified: 'nowhere', bytesRead: 16 * 1024 ** 2 },
    });
    const digest = await run(['digest', 'new.vhdx', '--chunked', '--json'], { cwd: folder });
    expect(resultOf(digest)).toMatchObject({
      sha256: (resultOf(vhdx).disk as { digest: string }).digest.replace('sha256-chunked:', ''),
    });
    const after = statSync(leaf, { bigint: true });
    expect([after.mtimeNs, after.ctimeNs]).toEqual([times.mtimeNs, times.ctimeNs]);
  });

  it.each([
    [['leaf.vhd', 'base.vhd'], 3, /there is a file of this name already/],
    [['leaf.vhd', 'none/new.vhd'], 3, /no such file or folder/],
    [['leaf.vhd', 'new.qcow2'], 2, /ends in \.vhd, \.vhdx, \.raw or \.img/],
    [['leaf.vhd', 'new.raw', '--type', 'dynamic'], 2, /it has no blocks/],
  ] as const)('%j is exit code %i, and nothing is written', async (words, code, says) => {
    const folder = place();
    chainToConvert(folder);
    expect(await run(['convert', ...words], { cwd: folder })).toMatchObject({
      code,
      stderr: matching(says),
    });
    expect(readdirSync(folder).sort()).toEqual(['base.vhd', 'leaf.vhd']);
  });

  it.runIf(process.platform === 'linux')('keeps off a chain that somebody writes to, and names them', async () => {
    const folder = place();
    const { base } = chainToConvert(folder);
    const fd = openSync(base, 'r+');
    const refused = await run(['convert', 'leaf.vhd', 'new.vhd'], { cwd: folder });
    closeSync(fd);
    expect(refused).toMatchObject({
      code: 3,
      stderr: matching(new RegExp(`base\\.vhd.*pid ${String(process.pid)}`)),
    });
    expect(readdirSync(folder).sort()).toEqual(['base.vhd', 'leaf.vhd']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at %s with nothing left, and says that it begins anew',
    async (signal) => {
      const folder = place();
      chainToConvert(folder);
      const words = [programPath(), 'convert', 'leaf.vhd', 'new.vhdx', '--rate', '4M', '--json'];
      const child = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      const said = { out: '', err: '' };
      child.stderr.on('data', (text: Buffer) => (said.err += text.toString()));
      child.stdout.on('data', (text: Buffer) => {
        if (said.out === '') child.kill(signal);
        said.out += text.toString();
      });
      const [code] = (await once(child, 'close')) as [number | null];
      expect([code, said.err]).toEqual([1, matching(/stopped\. The new disk was not made.*begins anew/)]);
      expect(resultOf({ code, stdout: said.out, stderr: '' })).toMatchObject({
        type: 'result',
        disk: null,
        returnValue: 32768,
      });
      expect(readdirSync(folder).sort()).toEqual(['base.vhd', 'leaf.vhd']);
    },
  );

  it('killed at random moments leaves the new disk whole or absent, and nothing that stays', async () => {
    await expectSurvivesKills(place(), 3);
  });
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;
if (!canMount) console.warn('left out: a conversion onto a full file system: needs root, to mount one');
describe.runIf(canMount)('a conversion onto a file system', { timeout: 60_000 }, () => {
  test('without room for it is refused before content is written; one that fills up meanwhile fails, and nothing is left', async () => {
    const folder = place();
    const { leaf } = chainToConvert(folder);
    const small = join(folder, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=15m', 'tmpfs', small]);
    try {
      const refused = await run(['convert', leaf, join(small, 'new.raw')]);
      expect(refused).toMatchObject({
        code: 3,
        stderr: matching(/not enough room.*Expected 16777216 bytes/),
      });
      expect(readdirSync(small)).toEqual([]);
      execFileSync('mount', ['-o', 'remount,size=17m', small]);
      const child = spawn(
        process.execPath,
        [programPath(), 'convert', leaf, join(small, 'new.raw'), '--rate', '8M', '--json'],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let errors = '';
      child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
      child.stdout.on('data', (text: Buffer) => {
        if (text.toString().includes('"copying"') && readdirSync(small).every((name) => name !== 'other'))
          execFileSync('fallocate', ['-l', '8M', join(small, 'other')]);
      });
      const [code] = (await once(child, 'close')) as [number | null];
      expect([code, errors]).toEqual([1, matching(/the file system is full/)]);
      expect(readdirSync(small)).toEqual(['other']);
      execFileSync('rm', [join(small, 'other')]);
      expect(await run(['convert', leaf, join(small, 'new.raw'), '--quiet'])).toMatchObject({ code: 0 });
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

describeWithQemu('QEMU', () => {
  test.each(['new.vhd', 'new.vhdx', 'fixed.vhdx'])('reads the same disk in %s', async (name) => {
    const folder = place();
    const { sha256 } = chainToConvert(folder);
    const type = name.startsWith('fixed') ? 'fixed' : 'dynamic';
    expect(await run(['convert', 'leaf.vhd', name, '--type', type, '--quiet'], { cwd: folder })).toMatchObject({
      code: 0,
    });
    const path = join(folder, name);
    expect(qemuInfo(path)).toMatchObject({ virtualSizeBytes: 16 * 1024 ** 2 });
    expect(await qemuRawSha256(path)).toBe(sha256);
    if (name.endsWith('vhdx')) execFileSync('qemu-img', ['check', '-f', 'vhdx', path], { stdio: 'pipe' });
  });
});

describeWithCorpus('an image that others wrote', (corpus) => {
  const small = corpus.images.filter(
    ({ guestSha256, virtualSize, containerBytes }) =>
      guestSha256 !== null && virtualSize <= 64 * 1024 ** 2 && containerBytes < 32 * 1024 ** 2,
  );
  const chosen = ['vhd', 'vhdx'].flatMap((format) => [
    ...small.filter((image) => image.format === format && image.parent === null).slice(0, 1),
    ...small.filter((image) => image.format === format && image.parent !== null).slice(0, 1),
  ]);
  test.each(chosen.map(({ name }) => name))('becomes the raw disk that it shows: %s', async (name) => {
    const folder = place();
    await corpus.unpack(
      corpus.chainOf(name).map((image) => image.name),
      folder,
    );
    expect(await run(['convert', name, 'new.raw', '--quiet'], { cwd: folder })).toMatchObject({ code: 0 });
    expect(fileSha256(join(folder, 'new.raw'))).toBe(corpus.image(name).guestSha256);
  });
});
