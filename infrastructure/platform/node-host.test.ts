import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { bootIdByTime, nodeHost } from './node-host.js';

describe('the host', () => {
  test('is this machine, user and process, with the version in package.json', () => {
    const host = nodeHost('cli');
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(host).toMatchObject({ name: hostname(), pid: process.pid, door: 'cli', engineVersion: manifest.version });
    expect(host.user).not.toBe('');
  });

  test('keeps its boot id as long as it runs', () => {
    expect(nodeHost('cli').bootId).toBe(nodeHost('service').bootId);
    expect(nodeHost('cli').bootId).not.toBe('');
  });

  test('without a boot id of the system, the moment of the boot is one: the same while it runs, another after the next boot', () => {
    const bootedAt = 1_764_000_003_000;
    const ids = [1, 3600, 86_400, 10_000_000].map((up) => bootIdByTime(bootedAt + up * 1000 + 400, up));
    expect(new Set(ids)).toEqual(new Set(['boot-at-1764000000']));
    expect(bootIdByTime(bootedAt + 120_000, 1)).not.toBe(ids[0]);
  });

  test('knows which processes run: this one, the first one whoever owns it, none that has ended, none without a number', () => {
    const { isRunning } = nodeHost('cli');
    const ended = spawnSync(process.execPath, ['--eval', '']).pid;
    expect([process.pid, ended, 0, -1, 1.5, 2 ** 40].map((pid) => isRunning(pid))).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    if (process.platform !== 'win32') expect(isRunning(1)).toBe(true);
  });
});
