import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { isMappable, mappedPath, type PathMap } from './path-map.js';

const VOLUME = '\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}';
const MAPS: readonly PathMap[] = [
  { stored: 'C:\\VMs', path: '/srv/vms' },
  { stored: 'C:\\', path: '/srv/c' },
  { stored: 'C:\\VMs\\Golden\\', path: '/golden' },
  { stored: '\\\\server\\share', path: '/mnt/share' },
  { stored: VOLUME, path: '/mnt/volume' },
];
const mapped = (stored: string, maps = MAPS): string | null => mappedPath(stored, maps)?.path ?? null;

describe('a stored Windows path lies here', () => {
  it.each([
    ['C:\\VMs\\a\\p.vhdx', '/srv/vms/a/p.vhdx'],
    ['c:/vms/p.vhdx', '/srv/vms/p.vhdx'],
    ['C:\\p.vhdx', '/srv/c/p.vhdx'],
    ['C:\\VMs2\\p.vhdx', '/srv/c/VMs2/p.vhdx'],
    ['C:\\vms\\GOLDEN\\p.vhdx', '/golden/p.vhdx'],
    ['\\\\?\\C:\\VMs\\p.vhdx', '/srv/vms/p.vhdx'],
    ['\\\\Server\\SHARE\\x\\p.vhdx', '/mnt/share/x/p.vhdx'],
    ['\\\\?\\UNC\\server\\share\\p.vhdx', '/mnt/share/p.vhdx'],
    [`${VOLUME.toUpperCase()}\\d\\p.vhdx`, '/mnt/volume/d/p.vhdx'],
    ['C:\\VMs\\..\\..\\etc\\shadow', '/srv/vms/etc/shadow'],
    ['C:\\VMs\\a\\.\\..\\p.vhdx', '/srv/vms/p.vhdx'],
    ['C:\\VMs\\\\p.vhdx', '/srv/vms/p.vhdx'],
  ])('%s at %s', (stored, path) => {
    expect(mapped(stored)).toBe(path);
  });

  it.each([
    'D:\\p.vhdx',
    'C:p.vhdx',
    '\\p.vhdx',
    'p.vhdx',
    '/srv/vms/p.vhdx',
    'C:\\VMs',
    'C:\\VMs\\a\\..',
    'C:\\VMs\\a\0b',
    '\\\\server\\sharing\\p.vhdx',
    '\\\\?\\GLOBALROOT\\C:\\p.vhdx',
    '\\\\?\\Volume{no-guid}\\p.vhdx',
    '\\\\server',
    '',
  ])('%j nowhere', (stored) => {
    expect(mapped(stored)).toBeNull();
  });

  it('by the longest map that covers it, and of equal ones by the first', () => {
    const maps = [
      { stored: 'c:', path: '/one' },
      { stored: 'C:\\', path: '/two' },
    ];
    expect(mappedPath('C:\\p', maps)).toEqual({ path: '/one/p', map: maps[0] });
  });

  it('also when the folder is the root, or one of Windows', () => {
    expect(mapped('C:\\a\\p', [{ stored: 'C:', path: '/' }])).toBe('/a/p');
    expect(mapped('C:\\a\\p', [{ stored: 'C:', path: 'D:\\vms' }])).toBe('D:\\vms\\a\\p');
  });
});

const name = fc.oneof(
  fc.constantFrom('.', '..', '...', '', 'VMs', 'a', 'C:', '?', 'UNC'),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const tail = fc.array(fc.tuple(fc.constantFrom('\\', '/', '\\\\', '//'), name), { maxLength: 8 });
const textOf = (parts: readonly (readonly [string, string])[]): string => parts.flat().join('');

describe('whatever an image stores', () => {
  test.prop([fc.constantFrom(...MAPS), tail])(
    'a mapped path is below the folder of the map that it names',
    (map, parts) => {
      const found = mappedPath(map.stored + textOf(parts), MAPS);
      if (found === null) return;
      const names = found.path.slice(found.map.path.length + 1).split('/');
      expect(found.path.startsWith(`${found.map.path}/`)).toBe(true);
      for (const one of names) expect(['', '.', '..']).not.toContain(one);
      expect(found.path).not.toContain('\0');
    },
  );

  test.prop([fc.array(fc.constantFrom('a', 'B', 'cd'), { minLength: 1, maxLength: 5 }), fc.boolean()])(
    'case and the kind of separator do not count',
    (names, upper) => {
      const plain = mappedPath(`C:\\VMs\\${names.join('\\')}`, MAPS);
      const other = mappedPath(`${upper ? 'C:/VMS' : 'c:/vms'}/${names.join('/')}`, MAPS);
      expect(other).toEqual(plain);
      expect(plain).not.toBeNull();
    },
  );
});

describe('a map can be made for', () => {
  it.each(['C:', 'c:\\', 'C:\\VMs', 'C:/VMs/', '\\\\server\\share', '//server/share/x', '\\\\?\\C:\\VMs', VOLUME])(
    '%s',
    (stored) => {
      expect(isMappable(stored)).toBe(true);
    },
  );
  it.each(['VMs', '/srv', 'C', 'C:VMs', '\\\\server', 'C:\\VMs\\..\\x', 'C:\\a\\.', '\\\\?\\', ''])(
    'not %j',
    (stored) => {
      expect(isMappable(stored)).toBe(false);
    },
  );
});
