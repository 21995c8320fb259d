import { TrailFlaw } from '#application/journal/trail';
import { isEndLine, isHeadLine, parseEnd, parseHead } from '#application/journal/trail-lines';
import type { ReportFacts } from './report-facts.js';

/**
 * The lines of a trail in a report, held against what the report says of them: its signer, its heads. A line is looked at when the
 * reader has taken it and asks for the next one, so that what is wrong with the trail itself is said first. Throws a `TrailFlaw`.
 */
export async function* statedLines(
  lines: AsyncIterable<string>,
  { facts, publicKey }: { readonly facts: ReportFacts; readonly publicKey: string },
): AsyncGenerator<string> {
  const named = new Map(facts.heads.map(({ stream, revision, hash }) => [stream, `${String(revision)}:${hash}`]));
  let line = 0;
  for await (const text of lines) {
    line += 1;
    yield text;
    if (isHeadLine(text)) {
      const head = parseHead(text);
      if (head === null) continue;
      if (named.get(head.stream) !== `${String(head.revision)}:${head.hash}`)
        throw new TrailFlaw(line, `is the head of ${head.stream}, and the report names another one or none`);
      named.delete(head.stream);
    } else if (isEndLine(text)) {
      assertWhole(line, [...named.keys()]);
      assertOneSigner(line, parseEnd(text)?.signature.publicKey ?? publicKey, publicKey);
    }
  }
}

const assertWhole = (line: number, [missing]: readonly string[]): void => {
  if (missing !== undefined) throw new TrailFlaw(line, `is the end, and the report names a head of ${missing} as well`);
};

/** Somebody could put a right trail into a page of his own making, and sign that: the trail tells who should have. */
const assertOneSigner = (line: number, ofTrail: string, ofReport: string): void => {
  if (ofTrail !== ofReport)
    throw new TrailFlaw(
      line,
      `is signed by key ${ofTrail}, but the report around the trail by ${ofReport}: it was put together from two`,
    );
};
