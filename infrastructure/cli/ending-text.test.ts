import { describe, expect, it } from 'vitest';
import { commandText, shellWord } from './ending-text.js';

describe('a command in a message', () => {
  it.each([
    ['/vm/a.db', '/vm/a.db'],
    ['/vm/my journal', "'/vm/my journal'"],
    ["it's", `'it'\\''s'`],
    ['$(rm -rf)', "'$(rm -rf)'"],
  ])('can be pasted into a shell: %s', (path, word) => {
    expect(shellWord(path)).toBe(word);
  });

  it('names the journal that was named', () => {
    expect(commandText('resume', '3f2a', undefined)).toBe('chainfold resume 3f2a');
    expect(commandText('resume', '3f2a', '/j.db')).toBe('chainfold resume 3f2a --journal /j.db');
  });
});
