import { describe, expect, it } from 'vitest';
import type { JobAudit, TrailAudit } from '#application/use-cases/audit-job';
import { NodeDigests } from '../platform/node-digests.js';
import { keyText, trailText, trailValue } from './audit-text.js';

const [one, other] = ['A'.repeat(43) + '=', 'E'.repeat(43) + '='];
const digests = new NodeDigests();
const job = (isRight: boolean): JobAudit => ({
  jobId: isRight ? 'job-1' : 'job-2',
  streams: [],
  data: null,
  signature: {
    state: 'unsigned',
    publicKeys: [],
    lastSignedRevision: null,
    unsignedEnds: 0,
    problem: isRight ? null : 'It is gone.',
  },
  knownHead: null,
  isRight,
});
const file = { path: 'x.html', kind: 'report-html' };
const telling = { trusted: { keys: [], from: 'none' }, digests, quiet: false } as const;
const trail: TrailAudit = {
  jobs: [job(true), job(false)],
  problem: 'The page was changed.',
  end: null,
  isRight: false,
};

describe('the words of an audit', () => {
  it('call no job right in a file that is wrong as a file', () => {
    expect(trailText(trail, file, telling)).toEqual([
      'x.html: first bad: The page was changed.',
      'Signature: It is gone.',
      'Job job-2: NOT RIGHT',
      'x.html: NOT RIGHT',
    ]);
    expect(trailValue(trail, file, digests)).toMatchObject({ jobs: [{ jobId: 'job-2', right: false }] });
    expect(trailText({ ...trail, problem: null }, file, telling).join()).toContain('Job job-1: right');
  });

  it.each([
    ['own', one, '(your own)'],
    ['own', other, '(whose it is was not checked; --key FILE says whose is expected)'],
    ['given', one, '(as expected)'],
    ['given', other, '(not expected)'],
  ] as const)('with %s keys name a key: %s %s', (from, publicKey, words) => {
    expect(keyText(publicKey, { trusted: { keys: [one], from }, digests })).toMatch(/^key [0-9a-f]{16} \(/);
    expect(keyText(publicKey, { trusted: { keys: [one], from }, digests })).toContain(words);
  });
});
