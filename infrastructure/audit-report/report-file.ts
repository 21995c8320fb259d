import { createHash } from 'node:crypto';
import { Readable, pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { AuditReport } from '#application/audit-report/report';
import type { Digests, RunningDigest } from '#application/ports/digests';
import type { HeadSigner } from '#application/ports/head-signer';
import { reportPage } from './page.js';
import { closingLine, REPORT_FORMAT, reportSignedText, viewSignedText } from './report-signature.js';

export interface ReportTools {
  readonly digests: Digests;
  readonly signer: HeadSigner;
}

/** The page, piece by piece: what a person reads, the trail, and the closing line that signs every byte before it. */
export async function* htmlReport(
  report: AuditReport,
  trail: AsyncIterable<string>,
  { digests, signer }: ReportTools,
): AsyncGenerator<string> {
  const bytes = digests.sha256();
  const page = reportPage(report, {
    sha256Base64: (source) => createHash('sha256').update(source, 'utf8').digest('base64'),
    seal: (shown) => {
      const view = digests.sha256Text(shown);
      return JSON.stringify({ view, signature: signer.sign(viewSignedText(view)) });
    },
  });
  yield hashed(page.before, bytes);
  for await (const line of inBase64(zipped(trail))) yield hashed(line, bytes);
  yield hashed(page.after, bytes);
  yield closingLine(signer.sign(reportSignedText(bytes.hex())));
}

/**
 * `{"format":1,"report":…,"trail":["line",…],"signature":…}`: canonical JSON (RFC 8785) but for the signature, which is over the
 * same text without it.
 */
export async function* jsonReport(
  report: AuditReport,
  trail: AsyncIterable<string>,
  { digests, signer }: ReportTools,
): AsyncGenerator<string> {
  const bytes = digests.sha256();
  yield hashed(
    `{"format":${String(REPORT_FORMAT)},"report":${digests.canonicalJson(wellFormed(report))},"trail":[`,
    bytes,
  );
  let isFirst = true;
  for await (const line of trail) {
    yield hashed(`${isFirst ? '' : ','}${digests.canonicalJson(line)}`, bytes);
    isFirst = false;
  }
  hashed(']}', bytes);
  yield `],"signature":${JSON.stringify(signer.sign(reportSignedText(bytes.hex())))}}\n`;
}

const utf8 = new TextEncoder();

const hashed = (piece: string, bytes: RunningDigest): string => {
  bytes.update(utf8.encode(piece));
  return piece;
};

const zipped = (trail: AsyncIterable<string>): AsyncIterable<Buffer> =>
  // Whoever reads the compressed bytes gets the fault of the trail as well: nothing is left to do for it here.
  pipeline(Readable.from(withLineEnds(trail)), createGzip({ level: 9 }), () => undefined);

async function* withLineEnds(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}

/** Lines of 120 characters: a multiple of three bytes, so that they are one text when put together. */
const BYTES_IN_A_LINE = 90;

async function* inBase64(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let waiting = Buffer.alloc(0);
  for await (const chunk of chunks) {
    waiting = Buffer.concat([waiting, chunk]);
    const whole = waiting.length - (waiting.length % BYTES_IN_A_LINE);
    if (whole > 0) yield linesOfBase64(waiting.subarray(0, whole));
    waiting = waiting.subarray(whole);
  }
  if (waiting.length > 0) yield linesOfBase64(waiting);
}

const linesOfBase64 = (bytes: Buffer): string => bytes.toString('base64').replace(/.{1,120}/g, (line) => `${line}\n`);

/** Half a surrogate pair, as a forged event may have in a path, has no UTF-8: U+FFFD stands for it, as it does in events of ours. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name.toWellFormed(), wellFormed(item)]));
};
