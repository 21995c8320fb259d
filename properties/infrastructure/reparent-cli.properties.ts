import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { resultOf, run } from './built-program.js';
import { jsonLines } from './cli-processes.js';
import { judged, smallChain } from './reparent-files.js';

/** `chainfold reparent` as a person and as a script meet it. */

describe('chainfold reparent', { timeout: 60_000 }, () => {
  const scratch = scratchFolder(folderInMemory());

  test('takes relative paths, prints its events and a result, and refuses with 3; its record can be read', async () => {
    const { root, child, base } = await smallChain(scratch(), 'vhd');
    const journal = ['--journal', join(root, 'journal', 'journal.db')];
    renameSync(base, join(root, 'moved.vhd'));
    const done = await run(['reparent', 'child.vhd', '../moved.vhd', ...journal, '--json'], { cwd: join(root, 'vm') });
    expect(done.code, done.stderr).toBe(0);
    expect(jsonLines(done.stdout).map(({ type }) => type)).toEqual([
      'ReparentRequested',
      'ParentLinkPrepared',
      'ParentLinkChanged',
      'result',
    ]);
    const { reparentId, ...result } = resultOf(done);
    expect(result).toMatchObject({ answer: 'changed', returnValue: 0, error: null, identityMatched: true });
    expect(judged('vhd', child).paths).toEqual([child, join(root, 'moved.vhd')]);

    const [refused, events] = await Promise.all([
      run(['reparent', child, child, ...journal]),
      run(['events', String(reparentId), ...journal]),
    ]);
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/32775 .*0xC03A0018, chain-cycle/)]);
    expect([events.code, events.stdout]).toEqual([0, expect.stringMatching(/link changed: .*\n3 events\n$/)]);
  });
});
