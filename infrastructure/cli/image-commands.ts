import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ImageDescription } from '#domain/chain/image-description';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import type { ImageProgram } from '../container/compose.js';
import { inUnits } from './bytes-argument.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import {
  assertSearch,
  searchOf,
  withJson,
  withQuiet,
  withRoots,
  type CliContext,
  type GivenOutput,
  type GivenRoots,
} from './output-options.js';
import { printable, printableJson } from './printable.js';
import { table } from './tables.js';
import { withImages } from './with-program.js';

/** Commands that look at images. They open no journal and take no lock, and change nothing. */
export const addImageCommands = (program: Command, context: CliContext): void => {
  addInspect(program, context);
  addChain(program, context);
  addValidate(program, context);
  addDigest(program, context);
};

type Given = GivenOutput & GivenRoots & { readonly chunked?: true };

const addInspect = (program: Command, context: CliContext): void => {
  withJson(
    program.command('inspect'),
    'one JSON object: path, format, type, virtualSize, blockSize, logicalSectorSize, identity, parentIdentities, parentCandidates (as the image says, not looked for), warnings, structures',
  )
    .summary('show the headers of an image')
    .description('Shows every structure of one image as it stands in the file. The parent need not be there.')
    .argument('<IMAGE>', 'a virtual disk')
    .addHelpText('after', '\nExample:\n  chainfold inspect child.vhd')
    .action((image: string, given: Given) =>
      looked(
        context,
        given,
        (found) => found.inspectImage.inspect(resolve(image)),
        async ({ description, structures }) => {
          const { out } = context.terminal;
          if (given.json === true) {
            const { warnings, parentIdentities, parentCandidates } = description;
            const said = { parentIdentities, parentCandidates, warnings, structures };
            await out.line(printableJson({ ...imageJson(description), ...said }));
            return EXIT.done;
          }
          await out.line(imageText(description));
          for (const warning of description.warnings) await out.line(`warning: ${printable(warning)}`);
          for (const { structure, offsetBytes, fields } of structures) {
            await out.line(`\n${printable(structure)} at byte ${offsetBytes}`);
            const rows = Object.entries(fields).map(([name, value]) => [
              `  ${name}`,
              value === null ? '-' : String(value),
            ]);
            for (const line of table(rows)) await out.line(line);
          }
          return EXIT.done;
        },
      ),
    );
};

const addChain = (program: Command, context: CliContext): void => {
  withJson(
    withRoots(program.command('chain')),
    'a JSON array, leaf first: path, format, type, virtualSize, blockSize, logicalSectorSize, identity, parent (its path)',
  )
    .summary('list an image and its parents')
    .description('Lists an image and everything below it, leaf first. Every parent is proven by its identity.')
    .argument('<IMAGE>', 'a virtual disk')
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold chain leaf.vhd\n  chainfold chain leaf.vhd --root /srv/base-images --json',
    )
    .action((image: string, given: Given) =>
      looked(
        context,
        given,
        (found) => found.inspectImage.chain(resolve(image), searchOf(given)),
        async (images) => {
          const { out } = context.terminal;
          if (given.json === true) {
            await out.line(
              printableJson(
                images.map((one, index) => ({ ...imageJson(one), parent: images[index + 1]?.path ?? null })),
              ),
            );
            return EXIT.done;
          }
          const rows = images.map(({ path, format, type, virtualSizeBytes, identity }) => [
            path,
            `${format.toUpperCase()} ${type}`,
            inUnits(virtualSizeBytes),
            identity,
          ]);
          for (const line of table([['IMAGE', 'TYPE', 'SIZE', 'IDENTITY'], ...rows])) await out.line(line);
          return EXIT.done;
        },
      ),
    );
};

const addValidate = (program: Command, context: CliContext): void => {
  withQuiet(
    withJson(
      program.command('validate'),
      'one JSON object: path, valid, findings (severity, structure, message), error',
    ),
  )
    .summary('check an image deeply')
    .description(
      'Checks every structure of one image. Exit code 1 when something is wrong with it; warnings do not count.',
    )
    .argument('<IMAGE>', 'a virtual disk')
    .addHelpText('after', '\nExample:\n  chainfold validate child.vhd && echo sound')
    .action(async (image: string, given: Given) => {
      const { terminal, end } = context;
      const path = resolve(image);
      end(
        await withImages(async (found) => {
          const checked = await found.inspectImage.validate(path);
          if (!checked.ok) return await notValid(checked.error, path, given, context);
          const { findings, description } = checked.value;
          const valid = !findings.some(({ severity }) => severity === 'error');
          if (given.json === true) {
            await terminal.out.line(printableJson({ path: description.path, valid, findings, error: null }));
          } else {
            const told = findings.filter(({ severity }) => given.quiet !== true || severity === 'error');
            for (const { severity, structure, message } of told)
              await terminal.out.line(`${severity}: ${printable(structure)}: ${printable(message)}`);
            await terminal.out.line(`${printable(description.path)}: ${valid ? 'sound' : 'not sound'}`);
          }
          return valid ? EXIT.done : EXIT.failed;
        }),
      );
    });
};

/** A file that is no sound image is the answer that was asked for; one that cannot be looked at is a refusal. */
const notValid = async (error: MergeError, path: string, given: Given, { terminal }: CliContext): Promise<ExitCode> => {
  const lookedAt = error.kind === 'damaged-structure' || error.kind === 'not-a-virtual-disk';
  if (given.json === true) {
    const { kind, message } = error;
    await terminal.out.line(
      printableJson({ path, valid: false, findings: [], error: { kind, message, path: error.path } }),
    );
  }
  await printError(terminal, error);
  return lookedAt ? EXIT.failed : exitCodeOf(error);
};

const addDigest = (program: Command, context: CliContext): void => {
  withJson(withRoots(program.command('digest')), 'one JSON object: path, format, virtualSize, sha256')
    .summary('SHA-256 of what the guest sees')
    .description('SHA-256 of the disk as the guest sees it, through the chain.')
    .argument('<IMAGE>', 'a virtual disk')
    .option(
      '--chunked',
      'SHA-256 over the size and the digests of the 1-MiB chunks that are not all zero: its cost goes with the data, not with the size',
    )
    .addHelpText('after', '\nExamples:\n  chainfold digest leaf.vhd\n  chainfold digest huge.vhd --chunked --json')
    .action((image: string, given: Given) => {
      const kind = given.chunked === true ? 'chunked' : 'plain';
      return looked(
        context,
        given,
        (found) => found.inspectImage.digest(resolve(image), searchOf(given), kind),
        async (view) => {
          const { path, format, virtualSizeBytes } = view.description;
          const { sha256 } = view;
          await context.terminal.out.line(
            given.json === true
              ? printableJson({ path, format, virtualSize: virtualSizeBytes, sha256 })
              : `${sha256}  ${printable(path)}`,
          );
          return EXIT.done;
        },
      );
    });
};

const looked = async <T>(
  { terminal, end }: CliContext,
  given: GivenRoots,
  look: (program: ImageProgram) => Promise<Result<T, MergeError>>,
  show: (value: T) => Promise<ExitCode>,
): Promise<void> => {
  end(
    await withImages(async (program) => {
      await assertSearch(searchOf(given), (path) => program.ports.files.stat(path));
      const answer = await look(program);
      if (answer.ok) return await show(answer.value);
      await printError(terminal, answer.error);
      return exitCodeOf(answer.error);
    }),
  );
};

const imageJson = (image: ImageDescription): Readonly<Record<string, unknown>> => ({
  path: image.path,
  format: image.format,
  type: image.type,
  virtualSize: image.virtualSizeBytes,
  blockSize: image.blockSizeBytes,
  logicalSectorSize: image.logicalSectorSize,
  identity: image.identity,
});

const imageText = ({ path, format, type, virtualSizeBytes, blockSizeBytes, identity }: ImageDescription): string =>
  `${printable(path)}: ${type} ${format.toUpperCase()}, ${virtualSizeBytes} bytes` +
  `${blockSizeBytes === null ? '' : `, blocks of ${inUnits(blockSizeBytes)}`}, identity ${identity}`;
