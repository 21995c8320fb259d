import type { RecordedEvent } from '#application/journal/recorded-event';
import { BlockSpaceExhausted } from '#application/ports/disk-image';
import { FileSystemFault, type FileSystemFaultCode } from '#application/ports/file-system';
import { SteerMerge, type SteerAction } from '#application/use-cases/steer-merge';
import { FormatImages } from '#infrastructure/disk-image/format-images';
import { dyingAfter, type AtWrite } from '../product/dying-files.js';
import { merge } from '../product/product.js';
import { child, common, id } from '../product/small-disks.js';
import {
  DESTINATION,
  SOURCE,
  mergeOnce,
  putVhd,
  putVhdChain,
  putVhdxChain,
  runOf,
  theJob,
  type Story,
} from './story.js';
import { FOLDER, type Fate, type StoryWorld } from './story-world.js';

/** A window for every block, so that something can happen between them. */
const SMALL_WINDOWS = { windowBytes: 4096 };

/** Jobs that something came between, and what became of them. */
export const INTERRUPTED_STORIES: readonly Story[] = [
  {
    name: 'killed-and-recovered',
    tells: 'The process died half-way, twice; the next one found the job and finished it.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      await mergeOnce(world, SMALL_WINDOWS, { atWrite: dyingAfter(world.path(DESTINATION), 4) });
      await mergeOnce(world, SMALL_WINDOWS, dyingAfterBlocks(world, 2));
      return await mergeOnce(world, SMALL_WINDOWS);
    },
  },
  {
    name: 'vhdx-killed-and-recovered',
    tells: 'The same with VHDX, after the destination had got its new identity.',
    phase: 'completed',
    happen: async (world) => {
      const pair = putVhdxChain(world);
      await mergeOnce(world, SMALL_WINDOWS, dyingAfterBlocks(world, 1), pair);
      return await mergeOnce(world, SMALL_WINDOWS, {}, pair);
    },
  },
  {
    name: 'killed',
    tells: 'The process died half-way, and that is where the journal ends.',
    phase: 'merging',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, SMALL_WINDOWS, dyingAfterBlocks(world, 2));
    },
  },
  {
    name: 'suspended-and-resumed',
    tells: 'Suspended at the request of another process, and resumed by a third.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      await mergeOnce(world, SMALL_WINDOWS, askedAfterFirstBlock(world, 'suspend'));
      return await mergeOnce(world, SMALL_WINDOWS);
    },
  },
  {
    name: 'suspended',
    tells: 'Stopped by a signal before its first block, and that is where the journal ends.',
    phase: 'merging',
    happen: async (world) => {
      putVhdChain(world);
      const run = await runOf(world);
      run.stop.ask({ action: 'suspend', by: 'operator', why: 'signal' });
      await run.toEnd();
      return run.job.jobId;
    },
  },
  {
    name: 'terminated',
    tells: 'Terminated at the request of another process, which had asked for a suspension first.',
    phase: 'terminated',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, SMALL_WINDOWS, askedAfterFirstBlock(world, 'suspend', 'terminate'));
    },
  },
  {
    name: 'refused',
    tells: 'The parent of the source was not there.',
    phase: 'refused',
    happen: async (world) => {
      putVhd(world, DESTINATION, { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map() });
      putVhd(world, SOURCE, child(3, 2, 'lost.vhd', new Map()));
      return await mergeOnce(world, { roots: [FOLDER] });
    },
  },
  {
    name: 'failed-and-completed',
    tells: 'The storage failed at a write; the same merge again completed.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      await mergeOnce(world, SMALL_WINDOWS, { atWrite: failingAfter(world, 10, 'io') });
      return await mergeOnce(world, SMALL_WINDOWS);
    },
  },
  {
    name: 'failed-for-good',
    tells: 'The destination had no place for another block.',
    phase: 'failed',
    happen: async (world) => {
      putVhdChain(world);
      const ports = world.process();
      const full = new ImagesWithoutRoom(ports.files, 'posix', () => ports.identifiers.newGuid());
      await merge({ ...ports, images: full }, world.path(SOURCE), world.path(DESTINATION));
      return await theJob(world);
    },
  },
  {
    name: 'out-of-space',
    tells: 'The file system was full; there was room later.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      const full = failingAfter(world, 10, 'out-of-space');
      let freeSpaceBytes = 1_000_000;
      const atWrite: AtWrite = async (...write) => {
        try {
          await full(...write);
        } catch (fault) {
          freeSpaceBytes = 512;
          throw fault;
        }
      };
      await mergeOnce(world, SMALL_WINDOWS, { atWrite, freeSpaceBytes: () => freeSpaceBytes });
      return await mergeOnce(world, SMALL_WINDOWS);
    },
  },
  {
    name: 'block-repaired',
    tells: 'A block did not read back as merged, and was merged once more.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, {}, { afterAppend: spoiledOnce(world) });
    },
  },
];

/** Images of which no destination takes another block. */
class ImagesWithoutRoom extends FormatImages {
  override async openDestination(path: string): ReturnType<FormatImages['openDestination']> {
    const opened = await super.openDestination(path);
    if (opened.ok)
      opened.value.openWindow = () =>
        Promise.reject(new BlockSpaceExhausted(path, 'a block below 2 TiB', 'a file of 2 TiB'));
    return opened;
  }
}

const typesOf = (events: readonly RecordedEvent[]): readonly string[] => events.map(({ type }) => type);

/** Dies at the first write to the destination after so many blocks are committed. */
const dyingAfterBlocks = (world: StoryWorld, blocks: number): Fate => {
  let committed = 0;
  const die = dyingAfter('', 0);
  return {
    atWrite: (_path, position, bytes) => (committed < blocks ? undefined : die('', position, bytes)),
    afterAppend: async (events) => {
      committed += typesOf(events).filter((type) => type === 'BlockMerged').length;
    },
  };
};

/** The storage fails at every write to the destination after so many. */
const failingAfter = (world: StoryWorld, writes: number, code: FileSystemFaultCode): AtWrite => {
  let left = writes;
  return (path) => {
    if (path !== world.path(DESTINATION)) return;
    left -= 1;
    if (left < 0) throw new FileSystemFault(code, 'write', path);
  };
};

/** Another process asks, once the first block is committed, and does not wait for an answer. */
const askedAfterFirstBlock = (world: StoryWorld, ...actions: readonly SteerAction[]): Fate => {
  let isAsked = false;
  return {
    afterAppend: async (events) => {
      if (isAsked || !typesOf(events).includes('BlockMerged')) return;
      isAsked = true;
      for (const action of actions) {
        const steered = await new SteerMerge(world.process()).steer(await theJob(world), action, 0);
        if (!steered.ok) throw new Error(steered.error.message);
      }
    },
  };
};

/** A bit of the last merged block flips when the destination is finalized for the first time. */
const spoiledOnce = (world: StoryWorld): NonNullable<Fate['afterAppend']> => {
  let isSpoiled = false;
  return async (events) => {
    if (isSpoiled || !typesOf(events).includes('DestinationFinalized')) return;
    isSpoiled = true;
    const path = world.path(DESTINATION);
    const file = await world.files.open(path, 'read-write');
    await file.write(Uint8Array.of(0xee), world.files.bytes(path).indexOf(0x17));
    await file.flush();
    await file.close();
  };
};
