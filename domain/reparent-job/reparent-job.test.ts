import { describe, expect, test } from 'vitest';
import { mergeError } from '../merge-error.js';
import type { ImageRecord } from '../merge-job/events.js';
import { RETURN_CODE } from '../return-code.js';
import type { ReparentJobCommand } from './commands.js';
import { commandFor, decide, evolve } from './reparent-job.js';
import { initialState, type ReparentJobState } from './state.js';

const image = (identity: string): ImageRecord => ({
  path: `/d/${identity}.vhd`,
  format: 'vhd',
  type: 'differencing',
  virtualSizeBytes: 4096,
  blockSizeBytes: 4096,
  logicalSectorSize: 512,
  identity,
  parentIdentity: null,
  writeIdentity: null,
  file: { dev: '1', ino: '2', sizeBytes: 3, mtimeNs: '4' },
});

const request = (ignoreIdMismatch = false): ReparentJobCommand => ({
  type: 'RequestReparent',
  request: {
    child: '/d/child.vhd',
    parent: '/d/parent.vhd',
    ignoreIdMismatch,
    roots: [],
    requester: { user: 'u', host: 'h', pid: 1 },
  },
});
const prepare = (named: string, identityMatched = named === 'parent'): ReparentJobCommand => ({
  type: 'PrepareParentLink',
  link: {
    child: image('child'),
    parent: image('parent'),
    oldIdentities: [named],
    oldPaths: [],
    newPaths: [],
    identityMatched,
    images: {},
    missingProtection: [],
  },
});
const error = mergeError('io-failed', 'it failed', { todo: 'Mend it.' });
const refuse: ReparentJobCommand = { type: 'RefuseReparent', error };
const confirm: ReparentJobCommand = { type: 'ConfirmParentLink', file: image('child').file };
const fail = (resumable: boolean): ReparentJobCommand => ({
  type: 'FailReparent',
  error,
  resumable,
  nextStep: 'Again.',
});

const after = (...commands: readonly ReparentJobCommand[]): ReparentJobState =>
  commands.reduce((state, command) => {
    const decision = decide(command, state);
    if (!decision.ok) throw new Error(JSON.stringify(decision.error));
    expect(decide(commandFor(decision.value), state)).toEqual(decision);
    return evolve(state, decision.value);
  }, initialState);

describe('a change of a parent', () => {
  test('is requested, prepared and confirmed; a failure on the way that can be mended leaves it prepared', () => {
    expect(after(request(), prepare('parent'))).toMatchObject({ phase: 'prepared', lastError: null });
    expect(after(request(), prepare('parent'), fail(true))).toMatchObject({ phase: 'prepared', lastError: error });
    expect(after(request(), prepare('parent'), fail(true), confirm)).toMatchObject({
      phase: 'changed',
      change: { child: '/d/child.vhd', parent: '/d/parent.vhd', parentIdentity: 'parent' },
    });
  });

  test('ends with a refusal before anything was prepared, or with a failure for good', () => {
    expect(after(request(), refuse)).toMatchObject({ phase: 'refused', error });
    expect(after(request(), prepare('parent'), fail(false))).toMatchObject({ phase: 'failed', error });
  });

  test('says the return code that goes with its error', () => {
    const decision = decide(refuse, after(request()));
    expect(decision).toMatchObject({ ok: true, value: { returnCode: RETURN_CODE.failed } });
  });

  test.each([
    ['another parent that was not allowed', false, prepare('other')],
    ['a match that is none', true, prepare('other', true)],
    ['a mismatch that is none', true, prepare('parent', false)],
  ])('is not prepared for %s', (_title, ignored, command) => {
    expect(decide(command, after(request(ignored)))).toMatchObject({
      ok: false,
      error: { kind: 'mismatch-not-allowed' },
    });
  });

  test('is prepared for another parent when that was allowed', () => {
    expect(after(request(true), prepare('other'))).toMatchObject({ link: { identityMatched: false } });
  });

  const states: readonly (readonly [ReparentJobState, readonly ReparentJobCommand['type'][]])[] = [
    [initialState, ['RequestReparent']],
    [after(request()), ['RefuseReparent', 'PrepareParentLink']],
    [after(request(), prepare('parent')), ['ConfirmParentLink', 'FailReparent']],
    [after(request(), refuse), []],
    [after(request(), prepare('parent'), confirm), []],
    [after(request(), prepare('parent'), fail(false)), []],
  ];
  test.each(states)('in %j takes what its phase allows and nothing else', (state, allowed) => {
    const commands = [request(), refuse, prepare('parent'), confirm, fail(true)];
    const taken = commands.filter((command) => decide(command, state).ok).map(({ type }) => type);
    expect(taken).toEqual(allowed);
  });
});
