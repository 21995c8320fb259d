import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { Ed25519Signer, newPrivateKeyPem, publicKeyPem } from '#infrastructure/platform/ed25519-signer';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { recoveredJob, trailOf } from '../product/signed-jobs.js';

/** docs/audit.md tells how to check a trail without chainfold. Here its very words are tried. */
const DOCUMENT = readFileSync(fileURLToPath(new URL('../../docs/audit.md', import.meta.url)), 'utf8');

const blockOf = (language: string): string => {
  const [, block] = new RegExp(`\`\`\`${language}\\n([^]*?)\n\`\`\``).exec(DOCUMENT) ?? [];
  if (block === undefined) throw new Error(`expected a block of ${language} in docs/audit.md`);
  return block;
};

const scratch = scratchFolder(folderInMemory());
const operator = new Ed25519Signer(newPrivateKeyPem());
let trail: string;

beforeAll(async () => {
  const { ports, jobId } = await recoveredJob(scratch(), operator);
  trail = (await trailOf(ports, jobId)).toString('utf8');
  writeFileSync(join(scratch(), 'check.mjs'), blockOf('js'));
});

const run = (command: string, ...words: readonly string[]) =>
  spawnSync(command, words, { cwd: scratch(), encoding: 'utf8', timeout: 20_000 });

const put = (text: string, { publicKey } = operator): void => {
  writeFileSync(join(scratch(), 'trail.ndjson'), text);
  writeFileSync(join(scratch(), 'operator.pem'), publicKeyPem(publicKey));
};

const byScript = () => run(process.execPath, 'check.mjs', 'trail.ndjson', 'operator.pem');
const byOpenSsl = () => run('sh', '-c', blockOf('sh'));

/** OpenSSL before 3 signs such keys in no such way; Windows has no sh. */
const openSsl = /^OpenSSL (\d+)/.exec(spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
const hasOpenSsl = process.platform !== 'win32' && Number(openSsl ?? 0) >= 3;

const another = new Ed25519Signer(newPrivateKeyPem());

describe('the checks of a trail without chainfold, as docs/audit.md has them', () => {
  test('by the script: a right trail is right, and both signatures hold', () => {
    put(trail);
    const { status, stdout } = byScript();
    expect(status).toBe(0);
    expect(stdout.match(/signed by this key/g)).toHaveLength(2);
  });

  test.each([
    ['another key', () => put(trail, another), /is not signed by this key/],
    ['a changed word', () => put(trail.replace('"pid":', '"pid":1')), /breaks the chain/],
    ['a missing event', () => put(trail.replace(/\n.*"revision":3,.*/, '')), /breaks the chain/],
  ])('by the script: %s is found', (_, change, sentence) => {
    change();
    const { status, stderr } = byScript();
    expect(status).toBe(1);
    expect(stderr).toMatch(sentence);
  });

  if (!hasOpenSsl) {
    console.warn('left out: the check of a trail by OpenSSL: there is no OpenSSL 3');
    test.skip('left out: by OpenSSL: there is no OpenSSL 3');
    return;
  }
  test('by OpenSSL: a right trail is right; another key and any changed word are found', () => {
    put(trail);
    expect(byOpenSsl()).toMatchObject({ status: 0, stdout: 'Signature Verified Successfully\n' });
    put(trail, another);
    expect(byOpenSsl().status).toBe(1);
    put(trail.replace('"pid":', '"pid":1'));
    expect(byOpenSsl().status).toBe(1);
  });
});
