import { describe, expect, test } from 'vitest';
import type { RunPorts } from '#application/merge/run-context';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { productPorts } from '../product/product.js';
import { drawnFrom, keepNothing } from '../simulation/draws.js';
import { FreeLocks } from '../simulation/free-locks.js';
import type { Draw } from '../simulation/memory-file.js';
import { MemoryFileSystem, PowerLoss, type MemoryOptions } from '../simulation/memory-file-system.js';
import { PoweredStore, type LossAtAppend } from '../simulation/powered-store.js';
import {
  chainOf,
  changedBy,
  content,
  createBase,
  createChild,
  digestOf,
  eventsOf,
  FORMATS,
  reparent,
  type Format,
} from './reparent-disks.js';

/** Where the power goes, or a call fails, on the simulated disk; and what the next command makes of what is left. */

const CHILD = '/d/child';
const OLD = '/d/base';
const NEW = '/d/copy';
const ROOTS = ['/d'];

const portsOn = (files: MemoryFileSystem, store: RunPorts['store']): RunPorts => ({
  ...productPorts({ files, store }),
  locks: new FreeLocks(),
});

/** A child over its base, and a copy of the base: the link may lead to either, and the child shows the same. */
const disk = async (format: Format): Promise<{ readonly files: MemoryFileSystem; readonly shown: string }> => {
  const files = new MemoryFileSystem();
  const ports = portsOn(files, new MemoryEventStore());
  const [child, base, copy] = [CHILD, OLD, NEW].map((path) => `${path}.${format}`) as [string, string, string];
  files.put('/d/raw', content(format, 1, 2));
  await createBase(ports, base, format, '/d/raw');
  files.put('/d/raw', content(format, 2, 3));
  await createChild(ports, child, base, format, '/d/raw');
  files.put(copy, files.bytes(base));
  return { files, shown: await digestOf(ports, child, ROOTS) };
};

type Loss = MemoryOptions | { readonly append: LossAtAppend };
type Ran = { readonly files: MemoryFileSystem; readonly appends: number; readonly ports: RunPorts };

/** One command on a copy of the disk, until it ends or the power goes. */
const attempt = async (
  from: MemoryFileSystem,
  journal: MemoryJournal,
  loss: Loss,
  draw: Draw,
  format: Format,
): Promise<Ran> => {
  const files = from.restarted('append' in loss ? {} : loss, draw);
  const store = new PoweredStore(new MemoryEventStore(journal), files, 'append' in loss ? loss.append : null);
  const ports = portsOn(files, store);
  try {
    await reparent(ports, `${CHILD}.${format}`, `${NEW}.${format}`);
  } catch (fault) {
    if (!(fault instanceof PowerLoss) || !files.isOff) throw fault;
  }
  return { files, appends: store.appendedAfter.length, ports };
};

describe.each(FORMATS)('a re-parenting (%s)', (format) => {
  const [child, old, copy] = [CHILD, OLD, NEW].map((path) => `${path}.${format}`) as [string, string, string];

  /** Whatever happened: the child opens over one of both, shows the same, and the same command again ends with the new link. */
  const expectMended = async (left: MemoryFileSystem, journal: MemoryJournal, shown: string): Promise<void> => {
    const ports = portsOn(left, new MemoryEventStore(journal));
    const [, parent] = await chainOf(ports, child, ROOTS);
    expect([old, copy]).toContain(parent);
    expect(await digestOf(ports, child, ROOTS)).toBe(shown);
    const answer = await reparent(ports, child, copy);
    if (answer.answer !== 'unchanged') changedBy(answer);
    expect(await chainOf(ports, child, ROOTS)).toEqual([child, copy]);
    expect(await digestOf(ports, child, ROOTS)).toBe(shown);
    const events = await eventsOf(ports);
    expect(events.filter((type) => type === 'ParentLinkPrepared')).toHaveLength(1);
    expect(events.filter((type) => type === 'ParentLinkChanged')).toHaveLength(1);
  };

  test('that loses its power at any call to the disk is finished by the next command', async () => {
    const { files, shown } = await disk(format);
    const whole = await attempt(files, new MemoryJournal(), {}, () => 1, format);
    expect(whole.files.calls.length).toBeGreaterThan(8);
    for (let call = 0; call < whole.files.calls.length; call += 1) {
      for (const draw of [call % 2 === 0 ? keepNothing : drawnFrom(call)]) {
        const journal = new MemoryJournal();
        const cut = await attempt(files, journal, { powerLossAt: call }, () => 1, format);
        await expectMended(cut.files.restarted({}, draw), journal, shown);
      }
    }
  });

  test('that loses its power at an append, before or after it is durable, is finished or made anew', async () => {
    const { files, shown } = await disk(format);
    const { appends } = await attempt(files, new MemoryJournal(), {}, () => 1, format);
    expect(appends).toBe(2);
    for (let append = 0; append < appends; append += 1) {
      for (const committed of [false, true]) {
        const journal = new MemoryJournal();
        const cut = await attempt(files, journal, { append: { append, committed } }, () => 1, format);
        await expectMended(
          cut.files.restarted({}, () => 0),
          journal,
          shown,
        );
      }
    }
  });

  test('whose disk fails at a call says so, and is finished by the next command', async () => {
    const { files, shown } = await disk(format);
    const whole = await attempt(files, new MemoryJournal(), {}, () => 1, format);
    let failed = 0;
    for (let call = 0; call < whole.files.calls.length; call += 1) {
      const journal = new MemoryJournal();
      const faulty = await attempt(files, journal, { faultAt: { call, code: 'io' } }, () => 1, format);
      failed += (await eventsOf(faulty.ports)).filter((type) => type === 'ReparentFailed').length;
      await expectMended(
        faulty.files.restarted({}, () => 1),
        journal,
        shown,
      );
    }
    expect(failed).toBeGreaterThan(5);
  });

  test('whose child somebody used between is given up, and made anew from what the child says now', async () => {
    const { files } = await disk(format);
    const journal = new MemoryJournal();
    const cut = await attempt(files, journal, { append: { append: 0, committed: true } }, () => 1, format);
    // Another program gives it a third parent: the journal's images are of a file that is no more.
    const left = cut.files.restarted({}, () => 1);
    left.put(`/d/third.${format}`, left.bytes(old));
    const elsewhere = portsOn(left, new MemoryEventStore());
    changedBy(await reparent(elsewhere, child, `/d/third.${format}`));
    const ports = portsOn(left, new MemoryEventStore(journal));
    const answer = await reparent(ports, child, copy);
    expect(changedBy(answer).state.link.parent.path).toBe(copy);
    expect(answer.finished).toMatchObject({ outcome: 'failed', resumable: false, error: { kind: 'image-changed' } });
    expect(await chainOf(ports, child, ROOTS)).toEqual([child, copy]);
  });
});
