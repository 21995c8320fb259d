import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestBytes, openChain, writePlainVhd, type PlainBlock } from '../../properties/models/plain-vhd.js';
import { cimInterval, cimTimestamp, JOB_STATE, REQUESTED_STATE, STATE_CHANGE } from './cim.js';
import { ImageManagementService } from './image-management-service.js';

const BLOCK_BYTES = 65_536;
const BLOCKS = 64;
const block = (fill: number): PlainBlock => ({
  bits: Array.from({ length: 128 }, () => true),
  data: new Uint8Array(BLOCK_BYTES).fill(fill),
});
const common = {
  dialect: 'windows',
  sizeBytes: BLOCKS * BLOCK_BYTES,
  blockSizeBytes: BLOCK_BYTES,
  timeStamp: 7,
} as const;
const id = (n: number): string => `dddddddd-0000-4000-8000-00000000000${n}`;

describe('mergeVirtualHardDisk', () => {
  let folder: string;
  let service: ImageManagementService;
  let base: string;
  let child: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chainfold-'));
    base = join(folder, 'base.vhd');
    child = join(folder, 'child.vhd');
    writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map([[0, block(1)]]) });
    const parent = { uniqueId: id(1), fileName: 'base.vhd', timeStamp: 7 };
    writePlainVhd(child, {
      ...common,
      type: 'differencing',
      uniqueId: id(2),
      parent,
      blocks: new Map(Array.from({ length: BLOCKS }, (_, n) => [n, block(n + 2)])),
    });
    service = await ImageManagementService.open({ journal: 'memory:' });
  });

  afterEach(async () => {
    await service.close();
    rmSync(folder, { recursive: true });
  });

  it('answers 4096 with a job that runs, and whose completion has all that CIM asks for', async () => {
    const view = guestBytes(openChain([child, base]));
    const { returnValue, job, error } = await service.mergeVirtualHardDisk(child, base);
    expect([returnValue, error, job?.jobState, job?.errorCode]).toEqual([4096, null, JOB_STATE.running, null]);
    expect(job?.percentComplete).toBeLessThanOrEqual(99);
    const percents: number[] = [];
    job?.progress$.subscribe((tick) => percents.push(tick.percent));
    const done = await job!.completed;
    expect(done).toMatchObject({
      jobState: 7,
      errorCode: 0,
      jobCompletionStatusCode: 0,
      percentComplete: 100,
      child: null,
      parent: null,
      jobType: 5,
    });
    expect(done.getError()).toBeNull();
    expect(percents.slice(0, -1).every((percent) => percent <= 99)).toBe(true);
    expect(Buffer.compare(guestBytes(openChain([base])), view)).toBe(0);
  });

  it('answers 0 with the same job when the pair was merged before and nothing has changed', async () => {
    const first = await service.mergeVirtualHardDisk(child, base);
    await first.job!.completed;
    const before = statSync(base, { bigint: true }).mtimeNs;
    const again = await service.mergeVirtualHardDisk(child, base);
    expect([again.returnValue, again.job?.instanceId, again.job?.jobState]).toEqual([0, first.job!.instanceId, 7]);
    expect(statSync(base, { bigint: true }).mtimeNs).toBe(before);
  });

  it('answers a request for a pair that is running with the job that runs', async () => {
    const first = await service.mergeVirtualHardDisk(child, base, {
      rateBytesPerSecond: 1_000_000,
      windowBytes: BLOCK_BYTES,
    });
    const second = await service.mergeVirtualHardDisk(child, base);
    expect([second.returnValue, second.job]).toEqual([4096, first.job]);
  });

  it('answers a refusal with its code, no job, and a sentence to act on', async () => {
    const refused = await service.mergeVirtualHardDisk('child.vhd', base);
    expect(refused).toMatchObject({ returnValue: 32773, job: null, error: { kind: 'invalid-parameter' } });
    expect(await service.mergeVirtualHardDisk(join(folder, 'none.vhd'), base)).toMatchObject({
      returnValue: 32779,
      job: null,
    });
  });

  it('suspends at a durable point, starts again, and completes', async () => {
    const { job } = await service.mergeVirtualHardDisk(child, base, {
      rateBytesPerSecond: 2_000_000,
      windowBytes: BLOCK_BYTES,
    });
    expect(await job!.requestStateChange(REQUESTED_STATE.suspend)).toBe(STATE_CHANGE.transitionStarted);
    await until(() => job!.jobState === JOB_STATE.suspended);
    expect(await job!.requestStateChange(REQUESTED_STATE.suspend)).toBe(STATE_CHANGE.invalidTransition);
    expect(await job!.requestStateChange(REQUESTED_STATE.start)).toBe(STATE_CHANGE.transitionStarted);
    expect((await job!.completed).jobState).toBe(JOB_STATE.completed);
  });

  it('terminates for good, running or suspended; the source still shows its data', async () => {
    const view = guestBytes(openChain([child, base]));
    const { job } = await service.mergeVirtualHardDisk(child, base, {
      rateBytesPerSecond: 2_000_000,
      windowBytes: BLOCK_BYTES,
    });
    await job!.requestStateChange(REQUESTED_STATE.suspend);
    await until(() => job!.jobState === JOB_STATE.suspended);
    expect(await job!.requestStateChange(REQUESTED_STATE.terminate)).toBe(STATE_CHANGE.completed);
    expect(await job!.completed).toMatchObject({
      jobState: JOB_STATE.terminated,
      errorCode: 32768,
      jobCompletionStatusCode: 0x800704c7,
    });
    expect(Buffer.compare(guestBytes(openChain([child, base])), view)).toBe(0);
    const next = await service.mergeVirtualHardDisk(child, base, {
      rateBytesPerSecond: 2_000_000,
      windowBytes: BLOCK_BYTES,
    });
    expect(next.job?.instanceId).not.toBe(job!.instanceId);
    expect(await next.job!.requestStateChange(REQUESTED_STATE.kill)).toBe(STATE_CHANGE.transitionStarted);
    expect((await next.job!.completed).jobState).toBe(JOB_STATE.terminated);
  });

  it('says what a state change cannot be', async () => {
    const { job } = await service.mergeVirtualHardDisk(child, base);
    expect(await job!.requestStateChange(REQUESTED_STATE.suspend, '00000000000010.000000:000')).toBe(
      STATE_CHANGE.timeoutNotSupported,
    );
    expect(await job!.requestStateChange(REQUESTED_STATE.service)).toBe(STATE_CHANGE.notSupported);
    await job!.completed;
    expect(await job!.requestStateChange(REQUESTED_STATE.terminate)).toBe(STATE_CHANGE.invalidTransition);
  });
});

describe('CIM texts', () => {
  it('write spans and moments as the specification does', () => {
    expect(cimInterval(5 * 60 * 1000)).toBe('00000000000500.000000:000');
    expect(cimInterval(((26 * 60 + 3) * 60 + 4) * 1000 + 5)).toBe('00000001020304.005000:000');
    expect(cimTimestamp(Date.UTC(2026, 10, 24, 6, 35, 44, 7))).toBe('20261124063544.007000+000');
  });
});

const until = async (holds: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 200 && !holds(); tries++) await sleep(20);
  expect(holds()).toBe(true);
};
