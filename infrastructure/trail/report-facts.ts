import { controlStreamName, jobStreamName } from '#application/jobs/job-stream';
import type { StreamHead } from '#application/ports/event-store';

/** What a report says of its record in a few words: enough to hold it against the trail that it carries. */
export interface ReportFacts {
  /** One for each stream of the job that has an event which the audit found right. */
  readonly heads: readonly StreamHead[];
  /** What the report itself calls wrong first; null when it calls the record right. */
  readonly firstProblem: string | null;
}

/** Null: the report has not the shape in which this program writes one, or contradicts itself. */
export const factsOfReport = (report: unknown): ReportFacts | null => {
  if (!isObject(report) || typeof report.jobId !== 'string' || !isObject(report.verdict)) return null;
  const { isRight, problems } = report.verdict;
  if (typeof isRight !== 'boolean' || !isList(problems, isText) || isRight !== (problems.length === 0)) return null;
  if (isRight && !agrees(report)) return null;
  if (!isList(report.streams, isHead)) return null;
  return factsOf(report.jobId, report.streams, problems[0] ?? null);
};

/** `main`: what the page shows, as it stands in the file. Null as above. */
export const factsOfPage = (main: string): ReportFacts | null => {
  const verdicts = [...main.matchAll(/<div class="verdict( bad)?">/g)];
  const jobId = /<dt>Job<\/dt>\s*<dd><code>([^<]*)<\/code>/.exec(main)?.[1];
  if (verdicts.length !== 1 || jobId === undefined) return null;
  const [, problem] = /<div class="verdict bad">\s*<p>.*?<\/p>\s*<p>([^<]*)<\/p>/.exec(main) ?? [];
  if ((verdicts[0]?.[1] === undefined) !== (problem === undefined)) return null;
  const heads = [...main.matchAll(HEAD)].map(([, revision = '', hash = '', stream = '']) => ({
    stream,
    revision: Number(revision),
    hash,
  }));
  return factsOf(jobId, heads, problem === undefined ? null : textIn(problem));
};

/** As `proof` in the page prints a head. */
const HEAD = /<code>(\d+):([0-9a-f]{64})<\/code><span class="sub">[\d,]+ events? in ([^<]*)<\/span>/g;

/** Null when a head is of another job than the report, or there are two of one stream. */
const factsOf = (jobId: string, heads: readonly StreamHead[], firstProblem: string | null): ReportFacts | null => {
  const names = [jobStreamName(jobId), controlStreamName(jobId)];
  const areOfJob = heads.every(({ stream }) => names.includes(stream));
  if (!areOfJob || new Set(heads.map(({ stream }) => stream)).size !== heads.length) return null;
  if (heads.length === 0 && firstProblem === null) return null;
  return { heads: heads.map(({ stream, revision, hash }) => ({ stream, revision, hash })), firstProblem };
};

/** A record is not right when its data differ from the disk, or when a head that was known before no longer holds. */
const agrees = ({ data, knownHead }: Readonly<Record<string, unknown>>): boolean => {
  const isDataRight = data === null || (isObject(data) && data.unreadable === null && isEmpty(data.differing));
  return isDataRight && (knownHead === null || (isObject(knownHead) && knownHead.holds === true));
};

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&nbsp;': '\u00a0',
};

const textIn = (html: string): string => html.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string => typeof value === 'string';

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

const isHead = (value: unknown): value is StreamHead =>
  isObject(value) && isText(value.stream) && typeof value.revision === 'number' && isText(value.hash);

const isList = <T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] =>
  Array.isArray(value) && value.every(isItem);
