import type { RunPorts } from '#application/merge/run-context';
import type { FileSystem } from '#application/ports/file-system';
import type { ImageLocks } from '#application/ports/image-lock';
import { FormatImages } from '#infrastructure/disk-image/format-images';
import { EventJson } from '#infrastructure/event-store/event-json';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { Ed25519Signer, newPrivateKeyPem } from '#infrastructure/platform/ed25519-signer';
import { NodeClock } from '#infrastructure/platform/node-clock';
import { NodeDigests } from '#infrastructure/platform/node-digests';
import { NodeIdentifiers } from '#infrastructure/platform/node-identifiers';
import { FreeLocks } from '../simulation/free-locks.js';

const identifiers = new NodeIdentifiers();
const everywhere = {
  codec: new EventJson(),
  digests: new NodeDigests(),
  identifiers,
  clock: new NodeClock(),
  host: {
    name: 'here',
    user: 'tester',
    pid: process.pid,
    bootId: 'c4a10f01-b007-4000-8000-000000000001',
    engineVersion: '0.0.0',
    door: 'library',
    isRunning: () => true,
  },
  signer: new Ed25519Signer(newPrivateKeyPem()),
} as const;

/** The product's own parts on these files; the journal is in memory and each case's own. */
export const portsOn = (files: FileSystem, locks: ImageLocks = new FreeLocks()): RunPorts => ({
  ...everywhere,
  files,
  locks,
  images: new FormatImages(files, 'posix', () => identifiers.newGuid()),
  store: new MemoryEventStore(),
});
