import { describe, expect, it } from 'vitest';
import { mergeError } from '#domain/merge-error';
import { EXIT } from './exit-codes.js';
import { endingOfRefusal, endingOfRun, type EndedRun } from './result-line.js';

const error = mergeError('siblings-present', 'there is another child', { path: '/d/base.vhd', todo: 'Look.' });

const ended = (outcome: EndedRun['outcome']): EndedRun => ({
  jobId: 'j',
  state: {
    phase: 'merging',
    activity: { kind: 'running' },
    epoch: 1,
    sourceViewDigest: null,
    committed: { blocks: 3, bytes: 1536, nextBlock: 9 },
  } as EndedRun['state'],
  outcome,
  redone: { blocks: 1, bytes: 512 },
});

describe('the result line', () => {
  it('has exactly the fields of DESIGN §6, in this order', () => {
    const { line } = endingOfRun(ended({ outcome: 'completed' }), 12.6);
    expect(Object.keys(line)).toEqual([
      'type',
      'jobId',
      'returnValue',
      'jobState',
      'hresult',
      'error',
      'blocksMerged',
      'bytesMerged',
      'blocksRedone',
      'bytesRedone',
      'elapsedMs',
    ]);
    expect(line).toMatchObject({ returnValue: 0, jobState: 7, blocksMerged: 3, bytesRedone: 512, elapsedMs: 13 });
  });

  it('of a refused request names no job, and its codes are those of WMI', () => {
    const refused = endingOfRefusal({ answer: 'refused', error, jobId: 'audit only', state: null }, 1);
    expect(refused.exitCode).toBe(EXIT.refused);
    expect(refused.line).toMatchObject({
      jobId: null,
      jobState: 10,
      returnValue: 32775,
      hresult: 0xc03a001c,
      error: { kind: 'siblings-present', path: '/d/base.vhd' },
    });
  });

  it('of a stopped job is a failure to WMI, which knows no other word, and no error', () => {
    const stopped = endingOfRun(
      ended({ outcome: 'suspended', why: 'signal', error: null, missingBytes: null, recorded: true }),
      1,
    );
    expect(stopped.exitCode).toBe(EXIT.stopped);
    expect(stopped.line).toMatchObject({ jobState: 5, returnValue: 32768, hresult: 0x800704c7, error: null });
    expect(endingOfRun(ended({ outcome: 'terminated' }), 1).line.jobState).toBe(8);
  });

  it('says what stopped a job that has no room', () => {
    const full = mergeError('out-of-space', 'the file system is full', { todo: 'Make room.' });
    const { line, exitCode } = endingOfRun(
      ended({ outcome: 'suspended', why: 'out-of-space', error: full, missingBytes: 5, recorded: true }),
      1,
    );
    expect([line.hresult, line.error?.kind, exitCode]).toEqual([0x80070070, 'out-of-space', EXIT.stopped]);
  });

  it.each(['journal-failed', 'io-failed'] as const)(
    'of a world that fails (%s) is exit code 1, not a refusal',
    (kind) => {
      const failed = mergeError(kind, 'it fails', { todo: 'Mend it.' });
      expect(endingOfRefusal({ answer: 'refused', error: failed, jobId: null, state: null }, 1).exitCode).toBe(1);
    },
  );
});
