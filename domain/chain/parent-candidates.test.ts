import { describe, expect, it } from 'vitest';
import type { DecodedLocator } from '../disk-format/vhd/parent-locator.js';
import type { StoredPath } from '../disk-format/vhdx/parent-locator.js';
import { type HostStyle, parentCandidates, relativeStoredPath, vhdxParentCandidates } from './parent-candidates.js';

const candidates = (locators: readonly DecodedLocator[], unicodeName = '', childPath = '/vms/leaf/leaf.vhd') =>
  parentCandidates({ childPath, hostStyle: childPath.startsWith('/') ? 'posix' : 'windows', locators, unicodeName });

const pathOf = (code: DecodedLocator['code'], path: string, childPath?: string) =>
  candidates([{ code, path }], '', childPath)[0]?.path;

describe('the paths to try for a parent', () => {
  it('come from W2ru, W2ku, MacX, then from the name, whatever the order of the slots', () => {
    const locators: DecodedLocator[] = [
      { code: 'MacX', path: './c.vhd' },
      { code: 'W2ku', path: '.\\b.vhd' },
      { code: 'W2ru', path: '..\\a.vhd' },
    ];
    expect(candidates(locators, 'd.vhd').map(({ source, path }) => [source, path])).toEqual([
      ['W2ru', '/vms/a.vhd'],
      ['W2ku', '/vms/leaf/b.vhd'],
      ['MacX', '/vms/leaf/c.vhd'],
      ['parent name', '/vms/leaf/d.vhd'],
    ]);
  });

  it('are each listed once, where they come first', () => {
    const locators: DecodedLocator[] = [
      { code: 'W2ru', path: '.\\p.vhd' },
      { code: 'W2ku', path: 'C:\\vms\\p.vhd' },
      { code: 'MacX', path: './p.vhd' },
    ];
    expect(candidates(locators, 'C:\\vms\\p.vhd').map(({ source }) => source)).toEqual(['W2ru', 'W2ku']);
    const two: DecodedLocator[] = [
      { code: 'W2ru', path: 'a' },
      { code: 'W2ku', path: 'b' },
      { code: 'MacX', path: 'a' },
    ];
    expect(candidates(two).map(({ stored }) => stored)).toEqual(['a', 'b']);
  });

  it('do not come from deprecated codes', () => {
    expect(candidates([{ code: 'Wi2r', path: '.\\p.vhd' }])).toEqual([]);
  });

  it('take of a whole path in the name only its last part, beside the child', () => {
    expect(candidates([], 'C:\\Projects\\base.vhd')).toEqual([
      { source: 'parent name', stored: 'C:\\Projects\\base.vhd', path: '/vms/leaf/base.vhd', why: null },
    ]);
    expect(candidates([], 'C:\\Projects\\')[0]).toMatchObject({ path: null, why: 'it has no file name' });
    expect(candidates([], '..')[0]).toMatchObject({ path: null });
    expect(candidates([], 'a\0b')[0]).toMatchObject({ path: null });
  });
});

describe('on a POSIX system', () => {
  it('a relative path of Windows has its separators turned', () => {
    expect(pathOf('W2ru', '..\\x\\.\\y\\..\\p.vhd')).toBe('/vms/x/p.vhd');
    expect(pathOf('W2ku', 'sub/p.vhd')).toBe('/vms/leaf/sub/p.vhd');
  });

  it('a `\\` in a URL is part of a name', () => {
    expect(pathOf('MacX', './a\\b.vhd')).toBe('/vms/leaf/a\\b.vhd');
  });

  it('an absolute path is taken as it is, tidied by text', () => {
    expect(pathOf('MacX', '/golden/./x/../p.vhd')).toBe('/golden/p.vhd');
    expect(pathOf('W2ku', '/golden/p\\q.vhd')).toBe('/golden/p\\q.vhd');
    expect(pathOf('W2ru', '..\\..\\..\\..\\p.vhd')).toBe('/p.vhd');
  });

  it.each(['C:\\p.vhd', 'c:/p.vhd', '\\\\server\\share\\p.vhd', '\\\\?\\C:\\p.vhd', '\\p.vhd', 'C:p.vhd'])(
    '%s has no path, and a reason',
    (path) => {
      const [candidate] = candidates([{ code: 'W2ku', path }]);
      expect(candidate?.path).toBeNull();
      expect(candidate?.why).toMatch(/Windows/);
    },
  );

  it('a URL with a drive letter is a Windows path too', () => {
    expect(candidates([{ code: 'MacX', path: '/C:/p.vhd' }])[0]?.why).toMatch(/Windows/);
  });

  it('a path with a NUL has no path', () => {
    expect(candidates([{ code: 'W2ru', path: 'a\0b' }])[0]).toMatchObject({
      path: null,
      why: 'it has a NUL character in it',
    });
  });

  it('a child named relatively gives relative paths', () => {
    const from = (childPath: string) =>
      parentCandidates({
        childPath,
        hostStyle: 'posix',
        locators: [{ code: 'W2ru', path: '..\\p.vhd' }],
        unicodeName: '',
      });
    expect(from('a/b/leaf.vhd')[0]?.path).toBe('a/p.vhd');
    expect(from('leaf.vhd')[0]?.path).toBe('../p.vhd');
    expect(from('../leaf.vhd')[0]?.path).toBe('../../p.vhd');
  });
});

describe('on Windows', () => {
  const child = 'D:\\vms\\leaf.vhd';

  it('paths resolve against the folder, the share or the drive of the child', () => {
    expect(pathOf('W2ru', '.\\p.vhd', child)).toBe('D:\\vms\\p.vhd');
    expect(pathOf('W2ru', '..\\..\\p.vhd', child)).toBe('D:\\p.vhd');
    expect(pathOf('MacX', './x/p.vhd', child)).toBe('D:\\vms\\x\\p.vhd');
    expect(pathOf('W2ku', '\\x\\p.vhd', child)).toBe('D:\\x\\p.vhd');
    expect(pathOf('W2ru', '..\\..\\..\\p.vhd', '\\\\server\\share\\d\\leaf.vhd')).toBe('\\\\server\\share\\p.vhd');
    expect(pathOf('W2ru', '.\\p.vhd', '\\\\?\\C:\\leaf.vhd')).toBe('\\\\?\\C:\\p.vhd');
  });

  it('absolute paths are taken as they are, tidied by text', () => {
    expect(pathOf('W2ku', 'C:\\a\\..\\p.vhd', child)).toBe('C:\\p.vhd');
    expect(pathOf('W2ku', '\\\\server\\share\\p.vhd', child)).toBe('\\\\server\\share\\p.vhd');
    expect(pathOf('MacX', '/C:/p.vhd', child)).toBe('C:\\p.vhd');
    expect(pathOf('MacX', '/golden/p.vhd', child)).toBeNull();
    expect(pathOf('W2ku', 'C:p.vhd', child)).toBeNull();
  });
});

describe('the paths to try for the parent of a VHDX', () => {
  /** As Windows stores them, in the order that `storedPathsOf` gives. */
  const stored: readonly StoredPath[] = [
    { key: 'relative_path', value: '..\\golden\\p.vhdx' },
    { key: 'volume_path', value: '\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}\\golden\\p.vhdx' },
    { key: 'absolute_win32_path', value: 'C:\\golden\\p.vhdx' },
  ];
  const on = (hostStyle: HostStyle, childPath: string, paths = stored) =>
    vhdxParentCandidates({ childPath, hostStyle, stored: paths });

  it('are all three on Windows, in their order', () => {
    expect(on('windows', 'C:\\vms\\leaf.vhdx').map(({ source, path }) => [source, path])).toEqual([
      ['relative_path', 'C:\\golden\\p.vhdx'],
      ['volume_path', '\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}\\golden\\p.vhdx'],
    ]);
    expect(on('windows', 'D:\\vms\\leaf.vhdx').map(({ path }) => path)).toEqual([
      'D:\\golden\\p.vhdx',
      '\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}\\golden\\p.vhdx',
      'C:\\golden\\p.vhdx',
    ]);
  });

  it('are the relative one on POSIX; the others are listed with the reason', () => {
    const why = 'it is an absolute Windows path, which names nothing on this system';
    expect(on('posix', '/vms/leaf.vhdx')).toEqual([
      { source: 'relative_path', stored: '..\\golden\\p.vhdx', path: '/golden/p.vhdx', why: null },
      { source: 'volume_path', stored: stored[1]?.value, path: null, why },
      { source: 'absolute_win32_path', stored: 'C:\\golden\\p.vhdx', path: null, why },
    ]);
    const long = [{ key: 'absolute_win32_path', value: '\\\\?\\C:\\p.vhdx' } as const];
    expect(on('posix', '/vms/leaf.vhdx', long)).toMatchObject([{ path: null, why }]);
  });

  it('keep lone surrogates', () => {
    const odd = [{ key: 'relative_path', value: '.\\\ud83d.vhdx' } as const];
    expect(on('posix', '/vms/leaf.vhdx', odd)[0]?.path).toBe('/vms/\ud83d.vhdx');
  });
});

describe('the relative path that a child stores', () => {
  const stored = (child: string, parent: string, hostStyle: HostStyle = 'posix') =>
    relativeStoredPath(child, parent, hostStyle);

  it('starts with .\\ beside the child and with ..\\ above it', () => {
    expect(stored('/vms/leaf.vhd', '/vms/base.vhd')).toBe('.\\base.vhd');
    expect(stored('/vms/leaf.vhd', '/vms/x/base.vhd')).toBe('.\\x\\base.vhd');
    expect(stored('/vms/a/leaf.vhd', '/vms/x/base.vhd')).toBe('..\\x\\base.vhd');
    expect(stored('/a/b/leaf.vhd', '/a/b')).toBe('..\\b');
    expect(stored('/a/b/leaf.vhd', '/base.vhd')).toBe('..\\..\\base.vhd');
    expect(stored('D:\\VMs\\a\\leaf.vhd', 'd:\\vms\\base.vhd', 'windows')).toBe('..\\base.vhd');
  });

  it('does not exist across drives, or for a name with a `\\`', () => {
    expect(stored('C:\\leaf.vhd', 'D:\\base.vhd', 'windows')).toBeNull();
    expect(stored('/vms/leaf.vhd', '/vms/a\\b.vhd')).toBeNull();
    expect(stored('../leaf.vhd', 'base.vhd')).toBeNull();
    expect(stored('/vms/leaf.vhd', '/')).toBeNull();
  });
});
