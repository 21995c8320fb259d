import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import type { ParentSearch } from '../chain/allowed-roots.js';
import type { LockPorts } from '../merge/locked-chain.js';
import { canonicalPath } from '../merge/merge-pair.js';
import { ConversionStopped, Conversion, type ConvertProgress } from '../convert/conversion.js';
import { formatOfName, formatRefusal, nameSaysNoFormat, type NewFormat } from '../convert/new-disk.js';
import { openSourceChain, type SourceChain } from '../convert/source-chain.js';
import { UnfinishedFiles } from '../convert/unfinished-files.js';
import type { Clock } from '../ports/clock.js';
import type { Digests } from '../ports/digests.js';
import { BlockSpaceExhausted } from '../ports/disk-image.js';
import type { Identifiers } from '../ports/identifiers.js';
import { fileExists, refusingFaults } from './file-refusal.js';

export interface ConvertPorts extends LockPorts {
  readonly digests: Digests;
  readonly identifiers: Identifiers;
  readonly clock: Clock;
}

export interface ConvertRequest {
  /** Absolute, as all paths here. */
  readonly sourcePath: string;
  /** Its ending says the format. */
  readonly newPath: string;
  /** Of a VHD or VHDX; a raw disk has no kinds. */
  readonly type: 'fixed' | 'dynamic';
  /** Null: as Windows has it, 2 MiB in a VHD and 32 MiB in a VHDX. A fixed VHD and a raw disk have no blocks. */
  readonly blockSizeBytes: number | null;
  /** `full`: the new disk has its name only when it was read back and shows what the source showed. */
  readonly verify: 'full' | 'none';
  readonly search: ParentSearch;
  readonly rateBytesPerSecond: number | null;
}

export interface ConvertedDisk {
  readonly path: string;
  readonly format: NewFormat;
  readonly type: 'fixed' | 'dynamic';
  readonly virtualSizeBytes: number;
  /** Null in a fixed VHD and in a raw disk. */
  readonly blockSizeBytes: number | null;
  readonly logicalSectorSize: number;
  /** Null in a raw disk. */
  readonly identity: string | null;
  /** `sha256-chunked:` and hex, of what the source showed while it was copied. */
  readonly digest: string;
  /** Where the new disk was read back from; `nowhere` without verification. */
  readonly readBackFrom: 'device' | 'page-cache' | 'nowhere';
  /** Read from the source; zeros that nobody supplies are not read. */
  readonly bytesRead: number;
}

/** `refused`: the answer was no, before any content was written. In all but the first case nothing was made. */
export type ConvertOutcome =
  | { readonly outcome: 'converted'; readonly disk: ConvertedDisk }
  | { readonly outcome: 'refused' | 'failed'; readonly error: MergeError }
  | { readonly outcome: 'stopped' };

/** What somebody who watches is told. */
export interface ConvertWatcher {
  /** Aborted: the conversion ends soon, and nothing is left of it. */
  readonly signal: AbortSignal;
  warn(sentence: string): void;
  progress(now: ConvertProgress): void;
}

/**
 * Writes what an image shows through its whole chain into a new disk (Msvm_ImageManagementService.ConvertVirtualHardDisk). The
 * sources are read under locks and not changed; the new disk appears under its name as a whole, or not at all.
 */
export class ConvertImage {
  constructor(private readonly ports: ConvertPorts) {}

  async convert(request: ConvertRequest, watcher: ConvertWatcher): Promise<ConvertOutcome> {
    const conversion = new Conversion(request, watcher, this.ports);
    try {
      const made = await refusingFaults(() => this.prepared(request, watcher, conversion));
      if (made.ok) return { outcome: 'converted', disk: made.value };
      return { outcome: conversion.hasBegun ? 'failed' : 'refused', error: made.error };
    } catch (fault) {
      if (fault instanceof ConversionStopped) return { outcome: 'stopped' };
      if (fault instanceof BlockSpaceExhausted) return { outcome: 'failed', error: tooManyBlocks(fault) };
      throw fault;
    }
  }

  private async prepared(
    request: ConvertRequest,
    watcher: ConvertWatcher,
    conversion: Conversion,
  ): Promise<Result<ConvertedDisk, MergeError>> {
    const { files } = this.ports;
    const format = formatOfName(request.newPath);
    if (format === null) return err(nameSaysNoFormat(request.newPath));
    const source = await files.realPath(request.sourcePath);
    const path = await canonicalPath(request.newPath, files);
    if ((await files.stat(path)) !== null) return err(fileExists(path));
    const chain = await openSourceChain(source, request.search, this.ports);
    if (!chain.ok) return chain;
    try {
      const refusal = formatRefusal(path, format, chain.value.view);
      if (refusal !== null) return err(refusal);
      for (const warning of chain.value.warnings) watcher.warn(warning);
      return await this.made(path, format, chain.value, conversion);
    } finally {
      await chain.value.close();
    }
  }

  private async made(
    path: string,
    format: NewFormat,
    chain: SourceChain,
    conversion: Conversion,
  ): Promise<Result<ConvertedDisk, MergeError>> {
    const made = await new UnfinishedFiles(this.ports).publishing(path, (unfinishedPath) =>
      conversion.into({ path, unfinishedPath, format }, chain),
    );
    return made.ok ? ok({ ...made.value, path }) : made;
  }
}

const tooManyBlocks = ({ path, expected, found }: BlockSpaceExhausted): MergeError =>
  mergeError('block-space-exhausted', 'no further block can be placed in this file', {
    path,
    expected,
    found,
    todo: 'Nothing was made. Choose larger blocks, a fixed disk, or a name that ends in .vhdx.',
  });
