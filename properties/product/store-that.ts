import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';

/** Does something after each append of an event of this type: what happens to a disk between two steps of a run. */
export class StoreThat extends MemoryEventStore {
  constructor(
    private readonly type: string,
    private readonly after: () => void,
    readonly journal = new MemoryJournal(),
  ) {
    super(journal);
  }

  override async append(...given: Parameters<MemoryEventStore['append']>): ReturnType<MemoryEventStore['append']> {
    const outcome = await super.append(...given);
    if (given[2].some(({ type }) => type === this.type)) this.after();
    return outcome;
  }
}
