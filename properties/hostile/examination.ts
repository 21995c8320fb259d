/**
 * What is asked of every hostile image, wherever in its chain it is: each command that looks at images, and a merge. Demanded of each:
 * a typed error or a read that equals the plain readers'; nothing written but by a merge that runs; and a merge that runs is right.
 * What is not so is a breach, in words.
 */
import { InspectImage } from '#application/use-cases/inspect-image';
import { PlanMerge } from '#application/use-cases/plan-merge';
import { FileSystemFault } from '#application/ports/file-system';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { DEFAULT_OPTIONS } from '../product/product.js';
import { portsOn } from './ports-on-files.js';
import { isMergeErrorKind } from './error-kinds.js';
import { isKnownDifference } from './known-differences.js';
import { type OracleView, oracleView } from './oracle.js';
import type { PatchedFiles } from './patched-files.js';
import { tryMerge } from './tried-merge.js';

export type Examined = {
  /** One word for what became of it: `read`, a refusal's kind and flaw. */
  readonly outcome: string;
  /** Of what the leaf shows, when it is read. */
  readonly sha256: string | null;
  /** Of the merge; null when none was tried. */
  readonly merge: string | null;
  /** How the two readers differ, when that is known and by design. */
  readonly difference: string | null;
  readonly breaches: readonly string[];
};

export type ChainUnderTest = {
  readonly files: PatchedFiles;
  /** Leaf to base. */
  readonly paths: readonly string[];
  /** Index of the hostile image. */
  readonly hostile: number;
  readonly pair: { readonly source: number; readonly destination: number };
  readonly withMerge: boolean;
};

export const examine = async (chain: ChainUnderTest): Promise<Examined> => {
  const { files, paths, hostile, pair } = chain;
  const ports = portsOn(files);
  const images = new InspectImage(ports);
  const breaches: string[] = [];
  const path = paths[hostile] ?? '';
  const leaf = paths[0] ?? '';
  const asked = async <T>(what: string, ask: () => Promise<T>): Promise<T | null> => {
    try {
      return await ask();
    } catch (error) {
      if (what === 'probe' && error instanceof FileSystemFault) return null;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      breaches.push(`${what} throws ${text.split('\n').slice(0, 4).join(' | ')}`);
      return null;
    }
  };
  const answered = async <T>(
    what: string,
    ask: () => Promise<Result<T, MergeError>>,
  ): Promise<Result<T, MergeError> | null> => {
    const result = await asked(what, ask);
    if (result?.ok === false) breaches.push(...errorBreaches(what, result.error));
    return result;
  };

  const before = files.changes;
  const inspected = await answered('inspect', () => images.inspect(path));
  const validated = await answered('validate', () => images.validate(path));
  const probed = await asked('probe', () => ports.images.probe(path));
  const search = { roots: [] };
  const described = await answered('chain', () => images.chain(leaf, search));
  const digested = await answered('digest', () => images.digest(leaf, search, 'chunked'));
  if (wordOf(inspected) !== wordOf(validated))
    breaches.push(`inspect: ${wordOf(inspected)}, validate: ${wordOf(validated)}`);
  if (wordOf(described) !== wordOf(digested)) breaches.push(`chain: ${wordOf(described)}, digest: ${wordOf(digested)}`);
  if (inspected?.ok === true && probed?.identity !== inspected.value.description.identity)
    breaches.push(`probe sees ${probed?.identity ?? 'nothing'}, inspect ${inspected.value.description.identity}`);

  const found = described?.ok === true ? described.value.map((image) => image.path) : paths;
  const oracle = oracleView(files, found);
  const compared = compareWithOracle(digested, oracle, breaches);

  const plan = await asked('plan', () =>
    new PlanMerge(ports).plan(paths[pair.source] ?? '', paths[pair.destination] ?? '', DEFAULT_OPTIONS),
  );
  if (plan !== null && plan.refusal !== null) breaches.push(...errorBreaches('plan', plan.refusal));
  if (files.changes !== before) breaches.push(`${files.changes - before} changes by commands that only look`);

  const tried = chain.withMerge ? await asked('merge', () => tryMerge(ports, files, paths, pair)) : null;
  if (tried !== null) {
    breaches.push(...tried.breaches, ...(tried.error === null ? [] : errorBreaches('merge', tried.error)));
    const planned = plan?.refusal?.kind ?? 'runs';
    const merged = tried.outcome === 'refused' ? (tried.error?.kind ?? 'refused') : 'runs';
    if (planned !== merged) breaches.push(`plan: ${planned}, merge: ${merged}`);
    if (tried.outcome !== 'refused' && tried.outcome !== 'completed')
      breaches.push(`the merge ends ${tried.outcome}: ${tried.error?.message ?? ''}`);
  }
  return {
    outcome: wordOf(digested),
    sha256: digested?.ok === true ? digested.value.sha256 : null,
    merge: tried === null ? null : tried.outcome,
    difference: compared,
    breaches,
  };
};

/** `read`, or the refusal's kind, with the flaw of a damaged structure. */
export const wordOf = (result: Result<unknown, MergeError> | null): string => {
  if (result === null) return 'bug';
  return result.ok ? 'read' : wordOfError(result.error);
};

const wordOfError = ({ kind, message }: MergeError): string =>
  kind === 'damaged-structure' ? `damaged: ${/\(([a-z-]+)\)/.exec(message)?.[1] ?? '?'}` : kind;

/** A refusal is for a person: a kind that there is, a sentence, and a code. */
const errorBreaches = (what: string, error: MergeError): readonly string[] => {
  const isTyped = isMergeErrorKind(error.kind) && error.message.length > 20 && Number.isInteger(error.hresult);
  return isTyped ? [] : [`${what} refuses with ${JSON.stringify(error)}`];
};

const compareWithOracle = (
  digested: Result<{ readonly sha256: string }, MergeError> | null,
  oracle: OracleView,
  breaches: string[],
): string | null => {
  if (digested === null || oracle.reads === 'undecided')
    return oracle.reads === 'undecided' ? 'the plain readers do not judge' : null;
  if (digested.ok && oracle.reads) {
    if (digested.value.sha256 !== oracle.digest) breaches.push('the content is not what the plain readers read');
    return null;
  }
  if (!digested.ok && !oracle.reads) return null;
  const ours = wordOf(digested);
  const theirs = oracle.reads ? 'read' : oracle.complaint;
  const detail = digested.ok ? (oracle.reads ? '' : oracle.detail) : digested.error.message;
  const difference = `ours: ${ours}; plain: ${theirs}`;
  if (!isKnownDifference(ours, theirs, detail)) breaches.push(`the readers differ, ${difference} (${detail})`);
  return difference;
};
