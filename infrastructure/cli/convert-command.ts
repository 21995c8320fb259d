import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { formatOfName } from '#application/convert/new-disk';
import type { ConvertOutcome, ConvertRequest } from '#application/use-cases/convert-image';
import { MIB } from '#domain/quantities';
import type { ImageProgram } from '../container/compose.js';
import { bytesArgument, rateArgument } from './bytes-argument.js';
import { convertedText, convertResultLine, STOPPED_TEXT } from './convert-ending.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, UsageError, type ExitCode } from './exit-codes.js';
import {
  assertSearch,
  outputOf,
  searchOf,
  withJson,
  withQuiet,
  withRoots,
  type CliContext,
  type GivenOutput,
  type GivenRoots,
} from './output-options.js';
import { printable, printableJson } from './printable.js';
import { StopSignals } from './stop-signals.js';
import { withImages } from './with-program.js';

interface GivenConvert extends GivenOutput, GivenRoots {
  readonly type?: 'fixed' | 'dynamic';
  readonly blockSize?: number;
  readonly verify: 'full' | 'none';
  readonly rate?: number;
}

export const addConvertCommand = (program: Command, context: CliContext): void => {
  withQuiet(
    withJson(
      withRoots(program.command('convert')),
      'one JSON object per line: progress, and last the result with path, format, type, virtualSize, digest, verified',
    ),
  )
    .summary('merge a chain into a new disk')
    .description(
      'Writes what LEAF shows, through its whole chain, into NEW. The images of the chain are only read, and locked against writers meanwhile.\n' +
        'NEW appears when it is whole and was read back, and never replaces a file. A conversion that is interrupted leaves nothing, and begins anew.',
    )
    .argument('<LEAF>', 'a virtual disk of any kind')
    .argument('<NEW>', 'the new file; its name says the format: .vhd, .vhdx, .raw or .img', newDisk)
    .addOption(new Option('--type <TYPE>', 'kind of a new VHD or VHDX; default: dynamic').choices(['fixed', 'dynamic']))
    .addOption(
      new Option(
        '--block-size <BYTES>',
        'size of a block, a power of two: 4K to 256M in a VHD (default 2M), 1M to 256M in a VHDX (default 32M)',
      ).argParser(blockSize),
    )
    .addOption(
      new Option('--verify <MODE>', 'read the new disk back from the device and compare, or do not')
        .choices(['full', 'none'])
        .default('full'),
    )
    .addOption(new Option('--rate <BYTES/S>', 'read no faster than this').argParser(rateArgument))
    .addHelpText(
      'after',
      `
Ctrl-C (or SIGTERM) ends it, and nothing is left of NEW. Exit codes: 0 done, 1 failed or stopped, 2 wrong usage,
3 refused and nothing written.

Examples:
  chainfold convert snapshot.vhdx copy.vhdx
  chainfold convert child.avhd disk.raw --rate 50M
  chainfold convert leaf.vhd flat.vhdx --type fixed --json | jq -c 'select(.type == "result")'`,
    )
    .action(async (leaf: string, path: string, given: GivenConvert) => {
      const request = requestOf(leaf, path, given);
      context.end(await withImages((found) => convert(found, request, given, context)));
    });
};

const convert = async (
  program: ImageProgram,
  request: ConvertRequest,
  given: GivenConvert,
  { terminal }: CliContext,
): Promise<ExitCode> => {
  await assertSearch(request.search, (path) => program.ports.files.stat(path));
  const output = outputOf(given);
  const { convertView } = await import('./convert-view.js');
  const stop = new AbortController();
  const lead = terminal.out.isTerminal ? '\n' : '';
  const signals = new StopSignals(
    () => {
      stop.abort();
      void terminal.err.line(`${lead}chainfold: stopping; the unfinished disk is removed …`);
    },
    () => void terminal.err.line(`${lead}chainfold: still stopping.`),
  );
  const startedAt = program.ports.clock.monotonic();
  const view = convertView(terminal.out, output, program.ports.clock);
  try {
    const outcome = await program.convertImage.convert(request, {
      signal: stop.signal,
      warn: (sentence) => void terminal.err.line(`chainfold: warning: ${printable(sentence)}`),
      progress: (now) => view.show(now),
    });
    view.end();
    const elapsedMs = Math.round(program.ports.clock.monotonic() - startedAt);
    if (output.json) await terminal.out.line(printableJson(convertResultLine(outcome, request, elapsedMs)));
    return await told(outcome, output.json, { terminal });
  } finally {
    view.end();
    signals.stopListening();
  }
};

const told = async (
  outcome: ConvertOutcome,
  asJson: boolean,
  { terminal }: Pick<CliContext, 'terminal'>,
): Promise<ExitCode> => {
  switch (outcome.outcome) {
    case 'converted':
      if (!asJson) for (const line of convertedText(outcome.disk)) await terminal.out.line(line);
      return EXIT.done;
    case 'stopped':
      await terminal.err.line(`chainfold: ${STOPPED_TEXT}`);
      return EXIT.failed;
    case 'failed':
      await printError(terminal, outcome.error);
      return EXIT.failed;
    case 'refused':
      await printError(terminal, outcome.error);
      return exitCodeOf(outcome.error);
  }
};

const requestOf = (leaf: string, path: string, given: GivenConvert): ConvertRequest => {
  const format = formatOfName(path);
  if (format === 'raw' && given.type === 'dynamic')
    throw new UsageError('expected --type fixed or none for a raw disk: it has no blocks. What reads zero is a hole.');
  if (given.blockSize !== undefined && (format === 'raw' || (format === 'vhd' && given.type === 'fixed')))
    throw new UsageError('expected no --block-size: raw disks and fixed VHDs have no blocks.');
  if (format === 'vhdx' && given.blockSize !== undefined && given.blockSize < MIB)
    throw new UsageError(`expected blocks of 1M to 256M in a VHDX, found --block-size ${given.blockSize}`);
  return {
    sourcePath: resolve(leaf),
    newPath: resolve(path),
    type: given.type ?? 'dynamic',
    blockSizeBytes: given.blockSize ?? null,
    verify: given.verify,
    search: searchOf(given),
    rateBytesPerSecond: given.rate ?? null,
  };
};

const newDisk = (path: string): string => {
  if (formatOfName(path) !== null) return path;
  throw new InvalidArgumentError('The format goes by the name: expected one that ends in .vhd, .vhdx, .raw or .img.');
};

const blockSize = (text: string): number => {
  const bytes = bytesArgument(text);
  if (!Number.isInteger(Math.log2(bytes)) || bytes < 4096 || bytes > 256 * MIB)
    throw new InvalidArgumentError('Expected a power of two from 4K to 256M.');
  return bytes;
};
