import { createHash } from 'node:crypto';
import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isHeadSignature } from '#application/journal/event-text';
import { TrailFlaw } from '#application/journal/trail';
import type { HeadSignature, HeadSigner } from '#application/ports/head-signer';
import { TRAIL_CLOSES, TRAIL_OPENS, VIEW_CLOSES, VIEW_OPENS } from '../audit-report/page.js';
import {
  LARGEST_REPORT_BYTES,
  REPORT_FORMAT,
  reportSignedText,
  signatureInClosingLine,
} from '../audit-report/report-signature.js';
import { canonicalJson } from '../platform/canonical-json.js';
import { factsOfPage, factsOfReport, type ReportFacts } from './report-facts.js';
import { linesOf } from './trail-file.js';

type Checker = Pick<HeadSigner, 'isSigned'>;

/** What a report holds of the trail and says of it, and who signed the report. With a problem the lines are those that can be had. */
export type SignedTrail =
  | {
      readonly lines: () => AsyncIterable<string>;
      readonly facts: ReportFacts;
      readonly signature: HeadSignature;
      readonly problem: null;
    }
  | { readonly lines: () => AsyncIterable<string>; readonly problem: string };

const wrong = (problem: string, lines: () => AsyncIterable<string> = none): SignedTrail => ({
  lines,
  problem,
});

/** Checks every byte of a page by its closing line. */
export const readHtmlReport = (bytes: Buffer, signer: Checker): SignedTrail => {
  const lines = linesInPage(bytes);
  const lastLine = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
  const signature = signatureInClosingLine(bytes.toString('latin1', lastLine));
  if (signature === null)
    return wrong('The page does not end in its signature: something was cut off, added or changed.', lines ?? none);
  if (!isSignedBy(signature, bytes.subarray(0, lastLine), signer))
    return wrong('The page was changed after it was signed.', lines ?? none);
  if (lines === null) return wrong('There is no trail in the page.');
  const facts = factsOfPage(shownIn(bytes));
  return facts === null ? wrong(NO_VERDICT, lines) : { lines, facts, signature, problem: null };
};

const NO_VERDICT =
  'The report does not say as this program writes it whether the record is right, and up to which events.';

const shownIn = (page: Buffer): string => {
  const [from, to] = [page.indexOf(VIEW_OPENS), page.indexOf(VIEW_CLOSES)];
  return from < 0 || to < from ? '' : page.toString('utf8', from + VIEW_OPENS.length, to);
};

const linesInPage = (bytes: Buffer): (() => AsyncIterable<string>) | null => {
  const opens = bytes.indexOf(TRAIL_OPENS);
  const from = opens + TRAIL_OPENS.length;
  const to = bytes.indexOf(TRAIL_CLOSES, from);
  if (opens < 0 || to < 0) return null;
  const base64 = bytes.toString('latin1', from, to);
  return () => linesOf(unzipped(Buffer.from(base64, 'base64')));
};

async function* unzipped(bytes: Buffer): AsyncGenerator<Uint8Array> {
  // The loop gets the fault of the stream as well: nothing is left to do for it here.
  const chunks: AsyncIterable<Buffer> = pipeline(Readable.from([bytes]), createGunzip(), () => undefined);
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > LARGEST_TRAIL_BYTES) break;
      yield chunk;
    }
  } catch (error) {
    throw new TrailFlaw(1, 'and all others cannot be unpacked', { cause: error });
  }
  if (length > LARGEST_TRAIL_BYTES)
    throw new TrailFlaw(1, `and all others unpack to more than ${String(LARGEST_TRAIL_BYTES)} bytes`);
}

/** Events have too many hashes in them for a page to unpack to more than some eight times its size. */
const LARGEST_TRAIL_BYTES = 8 * LARGEST_REPORT_BYTES;

/** Checks every byte of a JSON report by the signature in it. */
export const readJsonReport = (bytes: Buffer, signer: Checker): SignedTrail => {
  const place = bytes.lastIndexOf(SIGNATURE_OPENS);
  const report = parsed(bytes);
  if (place < 0 || !isReport(report)) return wrong('The file is no report of `chainfold audit --export`.');
  const lines = () => Readable.from(report.trail);
  const { format, signature } = report;
  if (format !== REPORT_FORMAT)
    return wrong(`The report has format ${String(format)}; this program reads format ${String(REPORT_FORMAT)}.`);
  if (bytes.toString('latin1', place) !== `${SIGNATURE_OPENS}${JSON.stringify(signature)}}\n`)
    return wrong('The report does not end in its signature: something was cut off, added or changed.', lines);
  const signed = Buffer.concat([bytes.subarray(0, place), Buffer.from('}')]);
  if (!isSignedBy(signature, signed, signer)) return wrong('The report was changed after it was signed.', lines);
  if (canonicalOrNull({ format, report: report.report, trail: report.trail }) !== signed.toString('utf8'))
    return wrong('The report is not in the canonical form in which this program writes it.', lines);
  const facts = factsOfReport(report.report);
  return facts === null ? wrong(NO_VERDICT, lines) : { lines, facts, signature, problem: null };
};

/** Null for what JSON can say and has no canonical form: half a surrogate pair, 1e999, a thousandfold nesting. */
const canonicalOrNull = (value: unknown): string | null => {
  try {
    return canonicalJson(value);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return null;
    throw error;
  }
};

const SIGNATURE_OPENS = ',"signature":';

interface JsonReport {
  readonly format: number;
  readonly report: unknown;
  readonly trail: readonly string[];
  readonly signature: HeadSignature;
}

/** Characters. The first line, a head and the end have more in their names alone; bounds the lines that a file can have. */
const SHORTEST_LINE = 60;

const isReport = (value: unknown): value is JsonReport =>
  typeof value === 'object' &&
  value !== null &&
  'format' in value &&
  typeof value.format === 'number' &&
  'report' in value &&
  'trail' in value &&
  Array.isArray(value.trail) &&
  value.trail.every((line) => typeof line === 'string' && line.length >= SHORTEST_LINE) &&
  'signature' in value &&
  isHeadSignature(value.signature);

/** Undefined when it is no JSON, no UTF-8 or nested without end, which the caller calls no report. */
const parsed = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const isSignedBy = (signature: HeadSignature, bytes: Uint8Array, signer: Checker): boolean =>
  signer.isSigned(reportSignedText(createHash('sha256').update(bytes).digest('hex')), signature);

async function* none(): AsyncGenerator<string> {
  // Nothing that could be called a trail was found.
}
