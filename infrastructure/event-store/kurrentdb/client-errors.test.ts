import { describe, expect, test } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { actualRevisionIn, adviceFor, saidBy, verdictOf } from './client-errors.js';

const typed = (type: string, more: object = {}): Error =>
  Object.assign(new Error(`5 SOMETHING: ${type}.`), { type, ...more });
const coded = (code: number): Error => Object.assign(new Error('raw'), { code });

describe('what an error of the client means', () => {
  test.each(['unavailable', 'cancelled', 'deadline-exceeded', 'timeout', 'unknown'])(
    '%s leaves the outcome open',
    (type) => {
      expect(verdictOf(typed(type))).toBe('unknown');
      expect(adviceFor(typed(type))).toContain('can be reached');
    },
  );

  test('a server that is not ready says something that the client does not know, without a code', () => {
    expect(verdictOf(typed('unknown', { code: undefined }))).toBe('unknown');
  });

  test.each([1, 2, 4, 8, 10, 13, 14])('gRPC code %i without a type leaves the outcome open', (code) => {
    expect(verdictOf(coded(code))).toBe('unknown');
  });

  test.each([3, 7, 12, 16])('gRPC code %i is a refusal, whatever the client made of it', (code) => {
    expect(verdictOf(coded(code))).toBe('refused');
    expect(verdictOf(typed('unknown', { code }))).toBe('refused');
  });

  test('a plain error, or what is none, leaves the outcome open', () => {
    expect(verdictOf(new Error('Failed to discover after 10 attempts.'))).toBe('unknown');
    expect(verdictOf(new TypeError('x is undefined'))).toBe('unknown');
    expect(verdictOf('text')).toBe('unknown');
  });

  test('another leader is neither', () => {
    expect(verdictOf(typed('not-leader', { code: 5 }))).toBe('not-leader');
  });

  test.each([
    ['access-denied', 'Name a user'],
    ['maximum-append-size-exceeded', 'MaxAppendSize'],
    ['stream-deleted', 'deleted for good'],
    ['stream-tombstoned', 'deleted for good'],
  ])('%s is a refusal, and what to do is said', (type, advice) => {
    expect(verdictOf(typed(type))).toBe('refused');
    expect(adviceFor(typed(type))).toContain(advice);
  });

  test('a wrong revision says where the stream is', () => {
    expect(actualRevisionIn(typed('wrong-expected-version', { actualState: 7n }))).toBe(7);
    expect(actualRevisionIn(typed('wrong-expected-version', { actualState: 'no_stream' }))).toBe(NO_STREAM);
    expect(actualRevisionIn(typed('wrong-expected-version'))).toBeNull();
    expect(actualRevisionIn(typed('unavailable', { actualState: 7n }))).toBeNull();
  });

  test('an error without a message is called by its type', () => {
    expect(saidBy(Object.assign(new Error(''), { type: 'unavailable' }))).toBe('unavailable');
    expect(saidBy(new Error('14 UNAVAILABLE: gone.'))).toBe('14 UNAVAILABLE: gone');
    expect(saidBy(new Error(' '))).toBe('no reason was given');
  });
});
