/** Named files after known vulnerabilities and cases: each has its answer, at once, in little memory, and stays as it is. */
import { describe } from 'vitest';
import { answered } from './hostile-answers.js';
import { CONFUSION_CASES } from './hostile-confusion-cases.js';
import { LOG_CASES } from './hostile-log-cases.js';
import { VHD_CASES } from './hostile-vhd-cases.js';
import { VHDX_CASES } from './hostile-vhdx-cases.js';

describe.each(Object.entries(VHD_CASES))('a VHD, %s', (_, cases) => {
  answered(cases);
});
describe.each(Object.entries(VHDX_CASES))('a VHDX, %s', (_, cases) => {
  answered(cases);
});
describe('a VHDX, its log as an attack', () => {
  answered(LOG_CASES);
});
describe('format confusion', () => {
  answered(CONFUSION_CASES);
});
