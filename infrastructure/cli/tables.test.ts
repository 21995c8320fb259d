import { describe, expect, it } from 'vitest';
import { table } from './tables.js';

describe('a table', () => {
  it('has its columns in line, also with wide and with combining characters', () => {
    expect(
      table([
        ['磁盘', 'x'],
        ['disk', 'y'],
        ['e\u0301', 'z'],
      ]),
    ).toEqual(['磁盘  x', 'disk  y', 'e\u0301     z']);
  });

  it('shows cells as what they are', () => {
    expect(table([['a\nb', '\u001b[0m']])).toEqual(['a\\nb  \\u001b[0m']);
  });
});
