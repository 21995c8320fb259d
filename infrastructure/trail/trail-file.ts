import { dirname } from 'node:path';
import { LONGEST_LINE_BYTES, TrailFlaw } from '#application/journal/trail-lines';
import { FileSystemFault, isFault, type FileSystem, type OpenFile } from '#application/ports/file-system';

/**
 * The lines of a trail from bytes: UTF-8 without a byte that is none, each line ended by `\n`, the last one, too. In bounded
 * memory. Throws a `TrailFlaw` at the first wrong byte.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let line = 1;
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
      begun.push(chunk.subarray(from, end));
      assertShort(begunBytes + end - from, line);
      yield textOf(begun, line);
      line += 1;
      from = end + 1;
      begun = [];
      begunBytes = 0;
    }
    if (from === chunk.length) continue;
    // A copy, because whoever reads may use the same buffer for the next chunk.
    begun.push(chunk.slice(from));
    begunBytes += chunk.length - from;
    assertShort(begunBytes, line);
  }
  if (begunBytes > 0) throw new TrailFlaw(line, 'has no line end: something was cut off');
}

const LINE_END = 0x0a;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const assertShort = (bytes: number, line: number): void => {
  if (bytes > LONGEST_LINE_BYTES)
    throw new TrailFlaw(line, `is longer than ${String(LONGEST_LINE_BYTES)} bytes: no line of a trail is`);
};

const textOf = (parts: readonly Uint8Array[], line: number): string => {
  try {
    return utf8.decode(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  } catch (error) {
    throw new TrailFlaw(line, 'is not UTF-8', { cause: error });
  }
};

/** The lines of a trail file; each iteration reads the file anew. Throws a `FileSystemFault` as well. */
export const trailFile = (files: FileSystem, path: string): { readonly lines: () => AsyncIterable<string> } => ({
  lines: () => linesOf(bytesOf(files, path)),
});

const CHUNK_BYTES = 256 * 1024;

async function* bytesOf(files: FileSystem, path: string): AsyncGenerator<Uint8Array> {
  const file = await files.open(await files.realPath(path), 'read');
  try {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let position = 0; ; position += chunk.length) {
      const length = await file.read(chunk, position);
      if (length > 0) yield chunk.subarray(0, length);
      if (length < chunk.length) return;
    }
  } finally {
    await file.close();
  }
}

/**
 * Writes a new file that has its name only when it is whole and durable: beside it, flushed, then linked, which never replaces a
 * file. Fault `exists` when there is one already. What a crash leaves is called `.chainfold-….part`.
 */
export const writeTrailFile = async (
  files: FileSystem,
  { path, unfinishedPath }: { readonly path: string; readonly unfinishedPath: string },
  lines: AsyncIterable<string>,
): Promise<void> => {
  await assertFree(files, path);
  const file = await files.create(unfinishedPath);
  try {
    try {
      await writeLines(file, lines);
      await file.flush();
    } finally {
      await file.close();
    }
    await files.link(unfinishedPath, path);
  } finally {
    await removeLeftOver(files, unfinishedPath);
  }
  await files.flushFolder(dirname(path));
};

/** Throws the fault `exists` when the name is taken: asked before anything is done that a file is to record. */
export const assertFree = async (files: FileSystem, path: string): Promise<void> => {
  if ((await files.stat(path)) !== null) throw new FileSystemFault('exists', 'create', path);
};

const writeLines = async (file: OpenFile, lines: AsyncIterable<string>): Promise<void> => {
  let position = 0;
  let waiting: string[] = [];
  let waitingLength = 0;
  const write = async (): Promise<void> => {
    const bytes = Buffer.from(waiting.join(''), 'utf8');
    await file.write(bytes, position);
    position += bytes.length;
    waiting = [];
    waitingLength = 0;
  };
  for await (const line of lines) {
    waiting.push(line, '\n');
    waitingLength += line.length + 1;
    if (waitingLength >= CHUNK_BYTES) await write();
  }
  await write();
};

const removeLeftOver = async (files: FileSystem, path: string): Promise<void> => {
  try {
    await files.unlink(path);
  } catch (fault) {
    if (!isFault(fault, 'not-found')) throw fault;
  }
};
