import { describe, expect, test } from 'vitest';
import { NodeIdentifiers, uuidVersion5 } from './node-identifiers.js';

describe('identifiers', () => {
  test('a name-based GUID is the UUIDv5 of RFC 9562 A.4', () => {
    expect(uuidVersion5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });

  test('the name space of the product never changes: journals hold ids that were made with it', () => {
    expect(new NodeIdentifiers().nameBased('merge-1\n0\nabc')).toBe('5ff135b0-ce2c-5b4b-a68f-95d4f0e5ad3f');
  });

  test('the name goes in as UTF-8, and one name gives one GUID', () => {
    const identifiers = new NodeIdentifiers();
    expect(identifiers.nameBased('Zürich')).toBe(identifiers.nameBased('Zürich'));
    expect(identifiers.nameBased('Zürich')).not.toBe(identifiers.nameBased('Zurich'));
  });

  test('a new GUID is a random one of version 4, in lower case', () => {
    const identifiers = new NodeIdentifiers();
    expect(identifiers.newGuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(identifiers.newGuid()).not.toBe(identifiers.newGuid());
  });
});
