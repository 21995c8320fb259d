import { COMPLETED_STORIES } from './completed-stories.js';
import { INTERRUPTED_STORIES } from './interrupted-stories.js';
import { JOURNAL_STORIES } from './journal-stories.js';
import type { Story } from './story.js';

export const ALL_STORIES: readonly Story[] = [...COMPLETED_STORIES, ...INTERRUPTED_STORIES, ...JOURNAL_STORIES];
