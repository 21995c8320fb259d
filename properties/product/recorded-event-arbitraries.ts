import { fc } from '@fast-check/vitest';
import type { UnsealedEvent } from '#application/journal/recorded-event';

/** Any text that JSON and UTF-8 can hold: no lone surrogates. */
export const texts = (): fc.Arbitrary<string> => fc.string({ unit: 'binary' });

const data = (): fc.Arbitrary<unknown> => fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }).map(withoutNegativeZero);

/** JSON has one zero: -0 is written as 0 and read as such. */
const withoutNegativeZero = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

export const unsealedEvents = (): fc.Arbitrary<UnsealedEvent> =>
  fc.record({
    type: fc.constantFrom('BlockMerged', 'MergeStarted', 'MergeSuspended', 'Änderung'),
    v: fc.integer({ min: 1, max: 9 }),
    occurredAt: fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
    meta: fc.record({
      $correlationId: fc.uuid(),
      $causationId: fc.uuid(),
      actor: fc.record({
        kind: fc.constantFrom('cli', 'library', 'service'),
        id: texts(),
        host: texts(),
        pid: fc.nat(),
      }),
      appVersion: texts(),
      leaseEpoch: fc.nat(),
    }),
    data: data(),
  });
