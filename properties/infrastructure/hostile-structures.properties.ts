/** FORMATS.md Part E as a list: every check of an untrusted file, with files that break just this one. */
import { describe } from 'vitest';
import { answered } from './hostile-answers.js';
import { VHD_ROWS } from './hostile-vhd-rows.js';
import { VHDX_DISK_ROWS } from './hostile-vhdx-disk-rows.js';
import { VHDX_ROWS } from './hostile-vhdx-rows.js';

describe.each(Object.entries(VHD_ROWS))('VHD, %s', (_, cases) => {
  answered(cases);
});
describe.each(Object.entries({ ...VHDX_ROWS, ...VHDX_DISK_ROWS }))('VHDX, %s', (_, cases) => {
  answered(cases);
});
