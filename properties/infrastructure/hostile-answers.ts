import { expect, test } from 'vitest';
import { examined, type HostileCase, MOST_MS, MOST_READ_BYTES } from './hostile-file.js';

/** Each case has its answer, with the code of Windows, in a moment and a little memory, and nothing was written. */
export const answered = (cases: readonly HostileCase[]): void => {
  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { file, answer, code, warning }) => {
    const outcome = await examined(file());
    expect(outcome.answer).toBe(answer);
    if (code !== undefined) expect(outcome.error?.hresult.toString(16)).toBe(`c03a00${code.toLowerCase()}`);
    if (warning !== undefined) expect(outcome.warnings.join('\n')).toContain(warning);
    expect(outcome.changes).toEqual([]);
    expect(outcome.mostReadBytes).toBeLessThanOrEqual(MOST_READ_BYTES);
    expect(outcome.cpuMs).toBeLessThan(MOST_MS);
    expect(outcome.error?.message.length ?? 0).toBeLessThan(2000);
  });
};
