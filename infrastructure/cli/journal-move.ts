import { isUnfinished } from '#domain/merge-job/state';
import { openEventStore } from '../event-store/open-event-store.js';
import { counted } from './bytes-argument.js';
import { commandText } from './ending-text.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { otherJournal } from './journal-names.js';
import type { GivenJournal, GivenKey, GivenOutput } from './output-options.js';
import { printable, printableJson } from './printable.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

export interface GivenMove extends GivenJournal, GivenKey, GivenOutput {
  readonly to: string;
}

export const moveJob = async (job: string, given: GivenMove, terminal: Terminal): Promise<ExitCode> => {
  const name = otherJournal(given.to, given.journal, '--to');
  return await withProgram({ journal: given.journal, journalMode: 'read-write', key: given.key }, async (program) => {
    // A misspelt job makes no new journal.
    const found = await program.exportJournal.jobs([job]);
    if (!found.ok) {
      await printError(terminal, found.error);
      return exitCodeOf(found.error);
    }
    const store = await openEventStore(given.to, { mode: 'read-write' });
    try {
      const moved = await program.moveJob.move(job, { name, store });
      if (!moved.ok) {
        await printError(terminal, moved.error);
        return exitCodeOf(moved.error);
      }
      const { jobId, added, state } = moved.value;
      const text = `Job ${jobId} is in ${printable(name)} now: ${added === 0 ? 'all events were there already' : `${counted(added, 'event')} copied`}.`;
      if (given.json === true)
        await terminal.out.line(printableJson({ jobId, to: name, phase: state.phase, eventsAdded: added }));
      else if (given.quiet === true) await terminal.out.line(text);
      else
        await terminal.out.line(
          isUnfinished(state)
            ? `${text} To go on: ${commandText('resume', jobId, given.to)}`
            : `${text} It is ${state.phase} there.`,
        );
      return EXIT.done;
    } finally {
      await store.close();
    }
  });
};
