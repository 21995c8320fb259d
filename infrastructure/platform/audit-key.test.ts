import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { AuditKeyError, isPrivateKeyIn, openSigner, publicKeyIn } from './audit-key.js';
import { newPrivateKeyPem, publicKeyOfPem, publicKeyPem } from './ed25519-signer.js';

const folder = scratchFolder();

describe('the key that signs', () => {
  test('is made on first use and is the same ever after, by however many at once', async () => {
    const path = join(folder(), 'state', 'audit-key.pem');
    const signers = await Promise.all(Array.from({ length: 8 }, () => openSigner(path)));
    expect(new Set([...signers, await openSigner(path)].map(({ publicKey }) => publicKey)).size).toBe(1);
    expect(publicKeyIn(path)).toBe(signers[0]!.publicKey);
    expect([isPrivateKeyIn(path), readFileSync(path, 'utf8').startsWith('-----BEGIN PRIVATE KEY-----')]).toEqual([
      true,
      true,
    ]);
  });

  test.skipIf(process.platform === 'win32')(
    'is refused when others may read it, and read all the same to check with',
    async () => {
      const path = join(folder(), 'open.pem');
      writeFileSync(path, newPrivateKeyPem());
      chmodSync(path, 0o640);
      await expect(openSigner(path)).rejects.toThrow(/open\.pem: other users may read or change it.*chmod 600/);
      expect(publicKeyIn(path)).toBe(publicKeyOfPem(readFileSync(path, 'utf8')));
    },
  );

  const rsa = (): string =>
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const encrypted = (): string =>
    generateKeyPairSync('ed25519')
      .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
      .toString();

  test.each([
    ['nothing', () => '', /and it is none/],
    ['words', () => 'not a key', /and it is none/],
    ['half a key', () => newPrivateKeyPem().slice(0, 60), /and it is none/],
    ['a public key', () => publicKeyPem(publicKeyOfPem(newPrivateKeyPem())), /and it is none/],
    ['an RSA key', rsa, /: expected an Ed25519 private key in PEM, found rsa\. Name/],
    ['a key with a passphrase', encrypted, /none|passphrase/i],
  ])('is not %s: the file is named, and left as it is', async (name, content, sentence) => {
    const path = join(folder(), `${name}.pem`);
    const text = content();
    writeFileSync(path, text, { mode: 0o600 });
    const opened = openSigner(path);
    await expect(opened).rejects.toThrow(AuditKeyError);
    await expect(opened).rejects.toThrow(sentence);
    await expect(opened).rejects.toThrow(path);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('to check with may be a public one, and none is none', () => {
    const publicPem = publicKeyPem(publicKeyOfPem(newPrivateKeyPem()));
    const path = join(folder(), 'public.pem');
    writeFileSync(path, publicPem);
    expect([publicKeyIn(path), isPrivateKeyIn(path)]).toEqual([publicKeyOfPem(publicPem), false]);
    expect(publicKeyIn(join(folder(), 'none.pem'))).toBeNull();
    writeFileSync(join(folder(), 'no.pem'), 'no key');
    expect(() => publicKeyIn(join(folder(), 'no.pem'))).toThrow(
      /no\.pem: expected an Ed25519 key, public or private, in PEM/,
    );
  });

  test('that cannot be made is a fault, and leaves nothing', async () => {
    const path = join(folder(), 'in-the-way');
    writeFileSync(path, '');
    await expect(openSigner(join(path, 'audit-key.pem'))).rejects.toThrow('in-the-way');
    mkdirSync(join(folder(), 'a-folder'));
    await expect(openSigner(join(folder(), 'a-folder'))).rejects.toThrow('it is a folder');
    for (const read of [publicKeyIn, isPrivateKeyIn])
      expect(() => read(join(folder(), 'a-folder'))).toThrow(/^Audit key .*a-folder: .*it is a folder/);
    expect(existsSync(join(folder(), 'a-folder.part'))).toBe(false);
  });
});
