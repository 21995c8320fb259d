import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { runs } from '../budget.js';
import type { MergeJobEvent } from '../../domain/merge-job/events.js';
import { evolve } from '../../domain/merge-job/merge-job.js';
import { initialState, isUnfinished } from '../../domain/merge-job/state.js';
import { completeFrom, jobHistories, stateAfter, type Kind } from '../product/job-histories.js';

const RUNS = runs(400, 3000);

const RUN_EVENTS: readonly MergeJobEvent['type'][] = [
  'MergeRequested',
  'ChainAccepted',
  'MergeStarted',
  'LinkPrepared',
  'DestinationClaimed',
  'BlockMerged',
  'MergeSuspended',
  'MergeResumed',
  'MergeRecovered',
  'MergeTerminated',
  'JobMoved',
  'JournalOutageEnded',
  'DestinationFinalized',
  'MergeVerified',
  'ChildReparented',
  'SourceRetired',
  'MergeCompleted',
  'MergeFailed',
];

const kindOf = (events: readonly MergeJobEvent[]): Kind => {
  const first = events[0];
  if (first?.type !== 'MergeRequested') throw new Error('a history begins with its request');
  return { opts: first.options, format: first.source.endsWith('.vhdx') ? 'vhdx' : 'vhd' };
};

describe('the history of a merge job', () => {
  test.prop([jobHistories(), fc.nat()], RUNS)(
    'cut off anywhere, replays to a state from which the job completes',
    (events, at) => {
      const prefix = events.slice(0, at % (events.length + 1));
      const state = stateAfter(prefix);
      if (state.phase !== 'unrequested' && !isUnfinished(state)) return;
      expect(completeFrom(state, kindOf(events)).phase).toBe('completed');
    },
  );

  test.prop([jobHistories(), fc.nat()], RUNS)(
    'gives the same state from all its events as from the last block and those around it',
    (events, at) => {
      const prefix = events.slice(0, at % (events.length + 1));
      const first = prefix.findIndex((event) => event.type === 'BlockMerged');
      const last = prefix.findLastIndex((event) => event.type === 'BlockMerged');
      const short = first < 0 ? prefix : [...prefix.slice(0, first), prefix[last]!, ...prefix.slice(last + 1)];
      expect(short.reduce(evolve, initialState)).toEqual(stateAfter(prefix));
    },
  );

  test.prop([jobHistories()], RUNS)('commits each block once, ascending, repairs apart', (events) => {
    let next = 0;
    for (const event of events) {
      if (event.type !== 'BlockMerged' || event.repair) continue;
      expect(event.block).toBeGreaterThanOrEqual(next);
      next = event.block + 1;
    }
  });

  test.prop([jobHistories()], RUNS)('changes no content of a VHDX before it has its new identity', (events) => {
    const isVhdx = events.length > 0 && kindOf(events).format === 'vhdx';
    let claimed = false;
    let prepared = false;
    for (const event of events) {
      if (event.type === 'LinkPrepared') prepared = true;
      if (event.type === 'DestinationClaimed') {
        expect([isVhdx, prepared, claimed]).toEqual([true, true, false]);
        claimed = true;
      }
      if (event.type === 'BlockMerged' || event.type === 'DestinationFinalized') expect(claimed).toBe(isVhdx);
    }
  });

  test.prop([jobHistories()], RUNS)('takes no event after its end', (events) => {
    const final = new Set(['MergeCompleted', 'MergeTerminated', 'MergeRefused', 'JobMoved']);
    const end = events.findIndex(
      (event) => final.has(event.type) || (event.type === 'MergeFailed' && !event.resumable),
    );
    expect(end < 0 || end === events.length - 1).toBe(true);
  });

  test.prop([jobHistories()], RUNS)(
    'retires nothing before it is verified and every child has its new parent',
    (events) => {
      let verified = false;
      const open = new Set<string>();
      for (const event of events) {
        if (event.type === 'MergeVerified') verified = true;
        if (event.type === 'BlockMerged') verified = false;
        if (event.type === 'ChildReparented') {
          if (event.step === 'intended') open.add(event.path);
          else open.delete(event.path);
        }
        if (event.type === 'SourceRetired') expect([verified, open.size]).toEqual([true, 0]);
      }
    },
  );
});

describe('the histories tried above', () => {
  test('reach every kind of event that a run can write', () => {
    const seen = new Set(fc.sample(jobHistories(), 500).flatMap((history) => history.map((event) => event.type)));
    const missing = RUN_EVENTS.filter((type) => !seen.has(type));
    expect(missing).toEqual([]);
  });
});

describe('the runs of a job', () => {
  test.prop([jobHistories()], RUNS)('count only the current run, whose number grows with each one', (events) => {
    let epoch = 1;
    for (const event of events) {
      if (event.type === 'MergeRecovered' || event.type === 'MergeResumed') {
        expect(event.run.epoch).toBe(epoch + 1);
        epoch = event.run.epoch;
      }
      if (event.type === 'BlockMerged') expect(event.epoch).toBe(epoch);
    }
  });
});
