import { parseEnd } from '#application/journal/trail-lines';
import { TrailFlaw } from '#application/journal/trail';
import type { FileSystem, OpenFile } from '#application/ports/file-system';
import { LARGEST_REPORT_BYTES } from '../audit-report/report-signature.js';
import { NodeFileSystem } from '../file-system/node-file-system.js';
import { SignatureChecker } from '../platform/ed25519-signer.js';
import { readHtmlReport, readJsonReport, type SignedTrail } from './signed-reports.js';
import { trailFile } from './trail-file.js';

export interface OpenedTrail {
  readonly kind: 'trail' | 'report-json' | 'report-html';
  /** The lines of the trail, for `readTrail`; from the beginning at each iteration. May throw a `TrailFlaw`. */
  readonly lines: AsyncIterable<string>;
  /** What is wrong with the file around the trail, as a sentence; null when nothing is. */
  readonly problem: string | null;
}

const PAGE = '<!doctype html>';
const JSON_REPORT = '{"format":';

/**
 * A trail file, a page or a JSON of `audit --export`, known by what it begins with; whatever is neither page nor JSON is read as a
 * trail, whose reader says what is wrong with it. Of a page and of a JSON every byte is checked here. Throws a `FileSystemFault`
 * only, when the file cannot be read.
 */
export const openTrail = async (path: string, files: FileSystem = new NodeFileSystem()): Promise<OpenedTrail> => {
  const file = await files.open(path, 'read');
  try {
    const beginning = (await bytesOf(file, PAGE.length)).toString('latin1');
    if (beginning === PAGE) return await opened('report-html', file, readHtmlReport);
    if (beginning.startsWith(JSON_REPORT)) return await opened('report-json', file, readJsonReport);
  } finally {
    await file.close();
  }
  return { kind: 'trail', lines: again(trailFile(files, path).lines), problem: null };
};

const opened = async (
  kind: OpenedTrail['kind'],
  file: OpenFile,
  read: (bytes: Buffer, signer: SignatureChecker) => SignedTrail,
): Promise<OpenedTrail> => {
  const { sizeBytes } = await file.stat();
  if (sizeBytes > LARGEST_REPORT_BYTES) {
    const problem = `The file has ${String(sizeBytes)} bytes, and a report has ${String(LARGEST_REPORT_BYTES)} at most. Of a longer history make a trail with \`chainfold journal export\`.`;
    return { kind, lines: again(noLines), problem };
  }
  const { lines, signature, problem } = read(await bytesOf(file, sizeBytes), new SignatureChecker());
  return {
    kind,
    lines: again(lines),
    problem: problem ?? (await otherSigner(lines(), signature.publicKey)),
  };
};

/** Somebody could put a right trail into a page of his own making, and sign that: the trail tells who should have. */
const otherSigner = async (lines: AsyncIterable<string>, publicKey: string): Promise<string | null> => {
  let last = '';
  try {
    for await (const line of lines) last = line;
  } catch (flaw) {
    if (!(flaw instanceof TrailFlaw)) throw flaw;
    return flaw.message;
  }
  const end = parseEnd(last);
  if (end === null || end.signature.publicKey === publicKey) return null;
  return `The report is signed by key ${publicKey}, but the trail in it by ${end.signature.publicKey}: it was put together from two.`;
};

const bytesOf = async (file: OpenFile, length: number): Promise<Buffer> => {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, await file.read(bytes, 0));
};

const again = (lines: () => AsyncIterable<string>): AsyncIterable<string> => ({
  [Symbol.asyncIterator]: () => lines()[Symbol.asyncIterator](),
});

async function* noLines(): AsyncGenerator<string> {
  // A file that is too large to be a report has no lines to give.
}
