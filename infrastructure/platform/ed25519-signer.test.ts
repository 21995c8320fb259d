import { fc, test } from '@fast-check/vitest';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect } from 'vitest';
import { Ed25519Signer, newPrivateKeyPem, publicKeyOfPem, publicKeyPem, SignatureChecker } from './ed25519-signer.js';

/** RFC 8032 7.1, TEST 2: the secret key after the PKCS #8 header of RFC 8410. */
const RFC_8032_KEY = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(
  '302e020100300506032b657004220420' + '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
  'hex',
).toString('base64')}\n-----END PRIVATE KEY-----\n`;
const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

const signer = new Ed25519Signer(newPrivateKeyPem());
const checker = new SignatureChecker();

describe('an Ed25519 signature', () => {
  test('is the one of RFC 8032', () => {
    expect(new Ed25519Signer(RFC_8032_KEY).sign('r')).toEqual({
      algorithm: 'ed25519',
      publicKey: base64('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'),
      value: base64(
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
          '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      ),
    });
  });

  test.prop({ text: fc.string({ unit: 'binary' }) })(
    'is the same each time, and checked by whoever only reads',
    ({ text }) => {
      const signature = signer.sign(text);
      expect(signer.sign(text)).toEqual(signature);
      expect([signer.isSigned(text, signature), checker.isSigned(text, signature)]).toEqual([true, true]);
    },
  );

  test.prop({ text: fc.string(), other: fc.string() })('is not one of another text', ({ text, other }) => {
    fc.pre(text !== other);
    expect(checker.isSigned(other, signer.sign(text))).toBe(false);
  });

  test.prop({ bit: fc.nat({ max: 96 * 8 - 1 }) }, { numRuns: 768 })(
    'does not survive a flipped bit in key or value',
    ({ bit }) => {
      const { algorithm, publicKey, value } = signer.sign('text');
      const bytes = Buffer.concat([Buffer.from(publicKey, 'base64'), Buffer.from(value, 'base64')]);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const flipped = {
        algorithm,
        publicKey: bytes.subarray(0, 32).toString('base64'),
        value: bytes.subarray(32).toString('base64'),
      };
      expect(checker.isSigned('text', flipped)).toBe(false);
    },
  );

  test('has one spelling: base64 that says the same in another way, too much of it, or too little is none', () => {
    const { algorithm, publicKey, value } = signer.sign('text');
    for (const spelling of [
      { publicKey: publicKey.replace('=', '') },
      { publicKey: ` ${publicKey}` },
      { publicKey: '' },
      { value: `${value}\n` },
      { value: value.replaceAll('=', '') },
      { value: Buffer.from(value, 'base64').subarray(1).toString('base64') },
      { value: Buffer.concat([Buffer.from(value, 'base64'), Buffer.from([0])]).toString('base64') },
      { value: '' },
    ])
      expect(checker.isSigned('text', { algorithm, publicKey, value, ...spelling })).toBe(false);
  });

  test.prop({ key: fc.uint8Array({ minLength: 32, maxLength: 32 }) })(
    'by bytes that are no key is false, not an error',
    ({ key }) => {
      const { algorithm, value } = signer.sign('text');
      const publicKey = Buffer.from(key).toString('base64');
      expect(checker.isSigned('text', { algorithm, publicKey, value })).toBe(false);
    },
  );

  test('is not made by a program that only reads', () => {
    expect(() => checker.sign()).toThrow(/^Bug/);
  });
});

describe('a key in PEM', () => {
  test('gives the same public key, private or public, and back', () => {
    const pem = newPrivateKeyPem();
    const { publicKey } = new Ed25519Signer(pem);
    expect(publicKeyOfPem(pem)).toBe(publicKey);
    expect(publicKeyOfPem(publicKeyPem(publicKey))).toBe(publicKey);
    expect(createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' })).toBe(
      publicKeyPem(publicKey),
    );
  });

  test('of another algorithm is refused by its name', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const privatePem = other.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const publicPem = other.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(() => new Ed25519Signer(privatePem)).toThrow('expected an Ed25519 private key, found ec');
    expect(() => publicKeyOfPem(publicPem)).toThrow('expected an Ed25519 key, found ec');
  });
});
