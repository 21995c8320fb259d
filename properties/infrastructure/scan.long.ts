import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { run } from './built-program.js';
import { writeManyChains } from './scan-forest.js';
import { expectAllReported, type ScanJson } from './scan-expected.js';

// Starts the built program, CHAINFOLD_BIN.
describe('a scan of 1,000 images in 50 chains, most of them with something wrong', () => {
  const scratch = scratchFolder(folderInMemory());

  it('takes seconds, and reports every one of them', async () => {
    const folder = mkdtempSync(join(scratch(), 'many-'));
    const many = writeManyChains(folder, 50, 20);
    const begun = performance.now();
    const { code, stdout, stderr } = await run(['scan', folder, '--json', '--journal', join(scratch(), 'none.db')]);
    const seconds = (performance.now() - begun) / 1000;
    console.log(`scan of ${many.expected.size} images: ${seconds.toFixed(1)} s`);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expectAllReported(JSON.parse(stdout) as ScanJson, many);
    expect(seconds).toBeLessThan(15);
  });
});
