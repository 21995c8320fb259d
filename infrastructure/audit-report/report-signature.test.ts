import { describe, expect, it } from 'vitest';
import { closingLine, signatureInClosingLine } from './report-signature.js';

const signature = {
  algorithm: 'ed25519',
  publicKey: Buffer.alloc(32).toString('base64'),
  value: Buffer.alloc(64).toString('base64'),
} as const;

describe('the last line of a page', () => {
  it('is read as it was written', () => {
    expect(signatureInClosingLine(closingLine(signature))).toEqual(signature);
  });

  it('is none in any other spelling of the same bytes', () => {
    const line = closingLine(signature);
    const others = [
      line.replace('A=', 'C='),
      line.replace('A==', 'B=='),
      line.replace('=', ''),
      line.replace('A', '-'),
      line.replace('ed25519', 'Ed25519'),
      line.trimEnd(),
      ` ${line}`,
      line.replace(' -->', '  -->'),
    ];
    for (const other of others) expect(signatureInClosingLine(other)).toBeNull();
  });
});
