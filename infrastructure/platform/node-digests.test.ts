import { expect, test } from 'vitest';
import { NodeDigests } from './node-digests.js';

test('SHA-256 is that of FIPS 180-4, at once and in pieces, in lower-case hex', () => {
  const digests = new NodeDigests();
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(digests.sha256Text('abc')).toBe(abc);
  const running = digests.sha256();
  running.update(Buffer.from('a'));
  running.update(Buffer.from('bc'));
  expect(running.hex()).toBe(abc);
  expect(() => running.hex()).toThrow();
});

test('a text is digested as UTF-8', () => {
  // printf 'Zürich' | sha256sum
  expect(new NodeDigests().sha256Text('Zürich')).toBe(
    '4251685e06cab635578c72b1f5f221e9840a05ac4d8f2404be4177aa87f9907d',
  );
});
