import type { FileSystem, OpenFile } from '#application/ports/file-system';
import { LARGEST_REPORT_BYTES } from '../audit-report/report-signature.js';
import { NodeFileSystem } from '../file-system/node-file-system.js';
import { SignatureChecker } from '../platform/ed25519-signer.js';
import type { ReportFacts } from './report-facts.js';
import { readHtmlReport, readJsonReport, type SignedTrail } from './signed-reports.js';
import { statedLines } from './stated-trail.js';
import { trailFile } from './trail-file.js';

export interface OpenedTrail {
  readonly kind: 'trail' | 'report-json' | 'report-html';
  /**
   * The lines of the trail, for `readTrail`; from the beginning at each iteration. May throw a `TrailFlaw`: also where the trail in
   * a report is not the one that the report tells of, or has another signer.
   */
  readonly lines: AsyncIterable<string>;
  /** What is wrong with the file around the trail, or what a report itself calls wrong, as a sentence; null when nothing is. */
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
  const file = await files.open(await files.realPath(path), 'read');
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
  const report = read(await bytesOf(file, sizeBytes), new SignatureChecker());
  if (report.problem !== null) return { kind, lines: again(report.lines), problem: report.problem };
  const { lines, facts, signature } = report;
  const stated = (): AsyncIterable<string> => statedLines(lines(), { facts, publicKey: signature.publicKey });
  return { kind, lines: again(stated), problem: saidBy(facts) };
};

/** A report tells the record up to the first wrong event, which alone would look right: its own verdict is a part of it. */
const saidBy = ({ firstProblem }: ReportFacts): string | null =>
  firstProblem === null ? null : `The report itself says that the record is not right: ${firstProblem}`;

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
