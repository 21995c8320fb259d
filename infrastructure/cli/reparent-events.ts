import { printEvent } from '#application/journal/event-text';
import type { Program } from '../container/compose.js';
import { counted } from './bytes-argument.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { printableJsonText } from './printable.js';
import { reparentEventLine } from './reparent-text.js';
import type { Terminal } from './terminal.js';

/** `events` of a re-parenting: as of a job. */
export const printReparenting = async (
  reparentId: string,
  asJson: boolean,
  { reparentImage, ports: { store, codec } }: Program,
  { out }: Terminal,
): Promise<ExitCode> => {
  let count = 0;
  for await (const event of store.read(reparentImage.streamOf(reparentId))) {
    count += 1;
    if (asJson) await out.line(printableJsonText(printEvent(event)));
    else {
      const when = new Date(event.occurredAt).toISOString();
      const line = reparentEventLine(codec.decodeReparentEvent(event));
      await out.line(`${String(event.revision).padStart(5)}  ${when}  ${line}`);
    }
  }
  if (!asJson) await out.line(counted(count, 'event'));
  return EXIT.done;
};
