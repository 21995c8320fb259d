import { describe, expect, test, vi } from 'vitest';
import { JournalUrlError } from '../journal-url.js';
import { KurrentDbEventStore } from './kurrentdb-event-store.js';
import { kurrentDbUrl } from './kurrentdb-url.js';

const SECRET = 'S3cret';

describe('the URL of a KurrentDB journal', () => {
  test.each([
    ['kurrentdb://host', 'kurrentdb://host?discoveryInterval=20'],
    ['esdb://host:2113/?tls=false', 'kurrentdb://host:2113/?tls=false&discoveryInterval=20'],
    ['KDB+Discover://cluster?DISCOVERY_INTERVAL=70', 'kurrentdb+discover://cluster?DISCOVERY_INTERVAL=70'],
    ['kurrent://a:1,b:2//', 'kurrentdb://a:1,b:2?discoveryInterval=20'],
    ['kurrentdb://u:p?w@host', 'kurrentdb://u:p?w@host?discoveryInterval=20'],
  ])('%s reaches the client as %s', (url, text) => {
    expect(kurrentDbUrl(url).text).toBe(text);
  });

  test('is shown without user and password', () => {
    expect(kurrentDbUrl(`kurrentdb://ops:${SECRET}@host:2113?tls=true`).shown).toBe(
      'kurrentdb://***@host:2113?tls=true',
    );
    expect(kurrentDbUrl('kurrentdb://host').shown).toBe('kurrentdb://host');
  });

  test.each([
    ['', 'does not begin with kurrentdb://'],
    [`http://ops:${SECRET}@host`, 'does not begin with kurrentdb://'],
    ['kurrentdb://', 'does not begin with kurrentdb://'],
    [`kurrentdb://ops:${SECRET}@host?tsl=false`, 'no option called "tsl"'],
    [`kurrentdb://ops:${SECRET}@host?throwOnAppendFailure=false`, 'throwOnAppendFailure'],
    [`kurrentdb://ops:${SECRET}@host?max_discover_attempts=1`, '2 or more'],
    [`kurrentdb://ops:${SECRET}@host?tls=perhaps`, 'the KurrentDB client does not understand it'],
    [`kurrentdb://ops:${SECRET}@`, 'the KurrentDB client does not understand it'],
    [`kurrentdb://ops:${SECRET}@host:99999`, 'the KurrentDB client does not understand it'],
    [`kurrentdb://ops:${SECRET}@host?tlsCAFile=/nowhere/ca.crt`, 'files of certificates that it names must exist'],
  ])('that is no such one is refused, without its password in any output: %s', async (url, why) => {
    const printed = vi.spyOn(console, 'warn');
    const fault = await KurrentDbEventStore.open({ url, mode: 'read-only' }).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(JournalUrlError);
    expect(fault).toMatchObject({ message: expect.stringContaining(why) as string });
    expect((fault as Error).message).toContain('Expected kurrentdb://');
    expect((fault as Error).cause).toBeUndefined();
    expect(JSON.stringify([(fault as Error).stack, printed.mock.calls])).not.toContain(SECRET);
    printed.mockRestore();
  });
});
