import type { RunEnding } from '#application/audit-report/report';
import { markup, type Html } from './html.js';

/** How a run ended, by form and not by colour. Around the point (x, y), ten pixels wide. */
export const runMark = (ended: RunEnding, x: number, y: number): Html => {
  switch (ended) {
    case 'completed':
      return markup`<circle class="solid" cx="${x}" cy="${y}" r="5"></circle>`;
    case 'suspended':
      return markup`<path class="mark" d="M${x - 2.5} ${y - 6}v12m5 0v-12"></path>`;
    case 'terminated':
      return markup`<rect class="solid" x="${x - 5}" y="${y - 5}" width="10" height="10"></rect>`;
    case 'refused':
    case 'failed':
    case 'failed-for-good':
      return markup`<path class="solid" d="M${x} ${y - 6}l6 11h-12z"></path>`;
    case 'without-a-word':
      return markup`<path class="mark" d="M${x - 5} ${y - 5}l10 10m-10 0l10 -10"></path>`;
    case 'not-ended':
      return markup`<path class="mark" d="M${x - 3} ${y - 5}l5 5l-5 5"></path>`;
  }
};

/** What the mark is called in the caption. */
export const MARK_NAMES: Readonly<Record<RunEnding, string>> = {
  completed: 'disc: completed',
  suspended: 'two bars: suspended',
  terminated: 'square: terminated',
  refused: 'triangle: refused',
  failed: 'triangle: failed',
  'failed-for-good': 'triangle: failed',
  'without-a-word': 'cross: ended without a word',
  'not-ended': 'arrow: no end recorded',
};
