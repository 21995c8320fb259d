import { describe, expect, test } from 'vitest';
import { EventStoreFault } from '#application/ports/event-store';
import { faultOf, isConflict } from './postgres-faults.js';

/** As the driver gives an error of the server (SQLSTATE) or of the operating system. */
const withCode = (code: string, message = 'said by the other side'): Error =>
  Object.assign(new Error(message), { code });

describe('an error of the server or of the driver', () => {
  test.each(['08006', '08P01', '57P01', '57P02', '57P03', '53300', '25006', '57014', '40001', '40P01', '55P03'])(
    'of SQLSTATE %s means that waiting makes sense',
    (code) => expect(faultOf('Asking', withCode(code)).kind).toBe('unreachable'),
  );

  test.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'])(
    'of code %s means that waiting makes sense',
    (code) => expect(faultOf('Asking', withCode(code)).kind).toBe('unreachable'),
  );

  test('a socket that is not there is a server that does not run; another missing file is one that the URL names', () => {
    const missing = (syscall: string) => Object.assign(withCode('ENOENT'), { syscall });
    expect(faultOf('Asking', missing('connect')).kind).toBe('unreachable');
    expect(faultOf('Asking', missing('open')).kind).toBe('failed');
  });

  test.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout expired',
    'timeout exceeded when trying to connect',
    'Query read timeout',
  ])('that is the driver saying "%s" means that waiting makes sense', (message) => {
    expect(faultOf('Asking', new Error(message)).kind).toBe('unreachable');
  });

  test('that the disk is full is one of space', () => {
    expect(faultOf('Asking', withCode('53100')).kind).toBe('out-of-space');
  });

  test.each([
    ['28P01', 'password'],
    ['28000', 'pg_hba.conf'],
    ['3D000', 'createdb'],
    ['42501', 'USAGE on the schema chainfold'],
    ['XX000', 'log of the database server'],
    ['23505', 'log of the database server'],
    ['08', 'log of the database server'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'log of the database server'],
  ])('of code %s is for a person to mend, who is told how', (code, advice) => {
    const fault = faultOf('The journal failed', withCode(code));
    expect(fault.kind).toBe('failed');
    expect(fault.message).toContain('The journal failed: said by the other side.');
    expect(fault.message).toContain(advice);
  });

  test('of several addresses names each, and is away when the last one is', () => {
    const refused = Object.assign(new AggregateError([withCode('ECONNREFUSED', 'A'), withCode('ECONNREFUSED', 'B')]), {
      code: 'ECONNREFUSED',
    });
    expect(faultOf('Asking', refused)).toMatchObject({ kind: 'unreachable', cause: refused });
    expect(faultOf('Asking', refused).message).toContain('A, B');
  });

  test('that is a fault already stays as it is', () => {
    const fault = new EventStoreFault('closed');
    expect(faultOf('Asking', fault)).toBe(fault);
  });

  test('is a conflict only where the server asks for the same again', () => {
    expect(['40001', '40P01', '25006', '57014'].map((code) => isConflict(withCode(code)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(isConflict(null)).toBe(false);
  });
});
