import { createHash, createPrivateKey } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { RecordedEvent } from '#application/journal/recorded-event';
import type { RunPorts } from '#application/merge/run-context';
import type { Clock } from '#application/ports/clock';
import type { AppendOutcome } from '#application/ports/event-store';
import type { Host } from '#application/ports/host';
import type { Identifiers } from '#application/ports/identifiers';
import type { HeldLocks, ImageLocks, LockConflict, FileToLock } from '#application/ports/image-lock';
import { FormatImages } from '#infrastructure/disk-image/format-images';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer } from '#infrastructure/platform/ed25519-signer';
import { nodeHost } from '#infrastructure/platform/node-host';
import { NodeIdentifiers } from '#infrastructure/platform/node-identifiers';
import { filesThat, type AtWrite } from '../product/dying-files.js';
import { productPorts } from '../product/product.js';
import { MemoryFileSystem } from '../simulation/memory-file-system.js';

export const FOLDER = '/vm';

/** What happens to one process of a story. */
export interface Fate {
  readonly atWrite?: AtWrite;
  /** Before an append reaches the journal: it may throw in its place. */
  readonly beforeAppend?: (events: readonly RecordedEvent[]) => void;
  /** After an append is durable. */
  readonly afterAppend?: (events: readonly RecordedEvent[]) => Promise<void>;
  readonly freeSpaceBytes?: () => number;
}

/**
 * A machine in memory for one story: its disk, its journal, and one process after the other that works on them. Time, ids, key and
 * names come from the story's name, so that the same code records the same stream again, and nothing of the machine that records.
 */
export class StoryWorld {
  readonly files = new MemoryFileSystem();
  readonly journal = new MemoryJournal();
  private readonly clock = new StoryClock();
  private readonly identifiers: Identifiers;
  private readonly locked = new Set<string>();
  private pid = 4000;

  constructor(readonly name: string) {
    this.identifiers = namedIdentifiers(name);
  }

  /** The parts of one more process. */
  process({ atWrite, beforeAppend, afterAppend, freeSpaceBytes }: Fate = {}): RunPorts {
    this.pid += 1;
    const { pid, identifiers } = this;
    const watched = filesThat(this.files, atWrite ?? (() => undefined));
    const files =
      freeSpaceBytes === undefined ? watched : { ...watched, freeSpaceBytes: () => Promise.resolve(freeSpaceBytes()) };
    const host: Host = {
      name: 'storage-host',
      user: 'operator',
      pid,
      bootId: '6f1d4c0a-7c58-4b5c-8d9e-2a41d3f0b6e7',
      engineVersion: nodeHost('cli').engineVersion,
      door: 'cli',
      isRunning: (other) => other === this.pid,
    };
    return {
      ...productPorts({ files, locks: new StoryLocks(this.locked, pid) }),
      store: new WatchedStore(this.journal, beforeAppend, afterAppend),
      images: new FormatImages(files, 'posix', () => identifiers.newGuid()),
      identifiers,
      clock: this.clock,
      host,
      signer: new Ed25519Signer(KEY_OF_STORIES),
    };
  }

  path(fileName: string): string {
    return `${FOLDER}/${fileName}`;
  }
}

/** No secret: anybody can make it. In PKCS #8 these bytes stand before an Ed25519 key (RFC 8410 7). */
const KEY_OF_STORIES = createPrivateKey({
  key: Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    createHash('sha256').update('recorded streams of chainfold').digest(),
  ]),
  format: 'der',
  type: 'pkcs8',
})
  .export({ format: 'pem', type: 'pkcs8' })
  .toString();

/** Every look at it takes its time, and a sleep is over as soon as others had their turn. */
class StoryClock implements Clock {
  private milliseconds = Date.UTC(2026, 0, 15, 22, 30);

  now(): number {
    return (this.milliseconds += 37);
  }

  monotonic(): number {
    return this.now();
  }

  async sleep(milliseconds: number): Promise<void> {
    this.milliseconds += Math.round(milliseconds);
    await setImmediate();
  }
}

/** Version 4 by their bits, but the same ones each time. */
const namedIdentifiers = (story: string): Identifiers => {
  let count = 0;
  return {
    newGuid: () => {
      const hex = createHash('sha256')
        .update(`${story} ${String((count += 1))}`)
        .digest('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
    },
    nameBased: (name) => new NodeIdentifiers().nameBased(name),
  };
};

/** Locks of a machine on which only the story's own processes are. */
class StoryLocks implements ImageLocks {
  constructor(
    private readonly locked: Set<string>,
    private readonly pid: number,
  ) {}

  async lockAll(files: readonly FileToLock[]): Promise<HeldLocks | LockConflict> {
    const paths = files.map(({ path }) => path);
    const taken = paths.find((path) => this.locked.has(path));
    if (taken !== undefined) {
      const holder = { pid: this.pid, program: 'chainfold', how: 'chainfold lock', writes: true, path: taken };
      return { held: false, path: taken, holders: [holder] };
    }
    for (const path of paths) this.locked.add(path);
    return {
      held: true,
      cover: () => true,
      release: async () => {
        for (const path of paths) this.locked.delete(path);
      },
    };
  }

  async holdersOf(): Promise<readonly []> {
    return [];
  }

  async missingProtection(): Promise<readonly string[]> {
    return [];
  }
}

class WatchedStore extends MemoryEventStore {
  constructor(
    journal: MemoryJournal,
    private readonly before: Fate['beforeAppend'],
    private readonly after: Fate['afterAppend'],
  ) {
    super(journal);
  }

  override async append(
    stream: string,
    expectedRevision: number,
    events: readonly RecordedEvent[],
  ): Promise<AppendOutcome> {
    this.before?.(events);
    const outcome = await super.append(stream, expectedRevision, events);
    await this.after?.(events);
    return outcome;
  }
}
