import { extname, resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ImageDescription } from '#domain/chain/image-description';
import type { MergeError } from '#domain/merge-error';
import { MIB } from '#domain/quantities';
import type { Result } from '#domain/result';
import type { ImageProgram } from '../container/compose.js';
import { bytesArgument, inUnits } from './bytes-argument.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, UsageError } from './exit-codes.js';
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
import { withImages } from './with-program.js';

interface GivenCreate extends GivenOutput, GivenRoots {
  readonly size?: number;
  readonly from?: string;
  readonly type: 'fixed' | 'dynamic';
  readonly blockSize?: number;
  readonly logicalSector: number;
}

const JSON_SAYS = 'one JSON object: path, format, type, virtualSize, blockSize, identity, parentIdentity';

export const addCreateCommands = (program: Command, context: CliContext): void => {
  addCreate(program, context);
  addDiff(program, context);
};

const addCreate = (program: Command, context: CliContext): void => {
  withQuiet(withJson(withBlockSize(program.command('create')), JSON_SAYS))
    .summary('make a new disk')
    .description('Makes a fixed or dynamic disk, empty or with the content of a raw file. Never replaces a file.')
    .argument('<IMAGE>', 'the new file; its name ends in .vhd or .vhdx, and says the format', newImage)
    .addOption(
      new Option('--size <BYTES>', 'size of the disk, a multiple of its sectors: 40G').argParser(bytesArgument),
    )
    .addOption(new Option('--from <RAW>', 'size and content from this raw file').conflicts('size'))
    .addOption(new Option('--type <TYPE>', 'kind of disk').choices(['fixed', 'dynamic']).default('dynamic'))
    .addOption(
      new Option('--logical-sector <BYTES>', 'sector size that the guest sees: 512, or 4096 in a VHDX')
        .argParser(sectorSize)
        .default(512),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold create base.vhdx --size 40G\n  chainfold create base.vhd --from disk.raw --type fixed',
    )
    .action((image: string, given: GivenCreate) => {
      const content = contentOf(given);
      const { type, logicalSector: logicalSectorSize } = given;
      const blockSizeBytes = blockSizeFor(image, 'base', given.blockSize);
      assertSectors(image, logicalSectorSize, content);
      return made(context, given, (found) =>
        found.createImage.create({ path: resolve(image), type, blockSizeBytes, logicalSectorSize, content }),
      );
    });
};

const addDiff = (program: Command, context: CliContext): void => {
  withQuiet(withJson(withRoots(withBlockSize(program.command('diff'))), JSON_SAYS))
    .summary('make a new child of a disk')
    .description(
      'Makes a differencing disk: empty, or with the sectors of a raw file that differ from what PARENT shows. Never replaces a file.',
    )
    .argument('<CHILD>', "the new file; its name ends in .vhd or .vhdx, as its parent's format is", newImage)
    .argument('<PARENT>', 'its parent')
    .option(
      '--from <RAW>',
      'a raw file: the child shows its content, and has its size (in a VHD the size must be equal)',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  chainfold diff snapshot.vhdx base.vhdx\n  chainfold diff child.vhd base.vhd --from changed.raw',
    )
    .action((child: string, parent: string, given: GivenCreate) =>
      made(context, given, (found) =>
        found.createImage.createChild({
          path: resolve(child),
          parentPath: resolve(parent),
          blockSizeBytes: blockSizeFor(child, 'child', given.blockSize),
          rawPath: given.from === undefined ? null : resolve(given.from),
          ...searchOf(given),
        }),
      ),
    );
};

const withBlockSize = (command: Command): Command =>
  command.addOption(
    new Option(
      '--block-size <BYTES>',
      'size of a block, a power of two: 4K to 256M in a VHD (default 2M), 1M to 256M in a VHDX (default 32M, of a child 2M)',
    ).argParser((text: string) => {
      const bytes = bytesArgument(text);
      if (!Number.isInteger(Math.log2(bytes)) || bytes < 4096 || bytes > 256 * MIB)
        throw new InvalidArgumentError('Expected a power of two from 4K to 256M.');
      return bytes;
    }),
  );

/** The defaults of Windows. */
const blockSizeFor = (image: string, kind: 'base' | 'child', wanted: number | undefined): number => {
  if (!isVhdxName(image)) return wanted ?? 2 * MIB;
  if (wanted !== undefined && wanted < MIB)
    throw new UsageError(`expected blocks of 1M to 256M in a VHDX, found --block-size ${wanted}`);
  return wanted ?? (kind === 'child' ? 2 : 32) * MIB;
};

const sectorSize = (text: string): number => {
  const bytes = bytesArgument(text);
  if (bytes !== 512 && bytes !== 4096) throw new InvalidArgumentError('Expected 512 or 4096.');
  return bytes;
};

const assertSectors = (image: string, sectorBytes: number, content: ReturnType<typeof contentOf>): void => {
  if (sectorBytes !== 512 && !isVhdxName(image))
    throw new UsageError(
      'expected --logical-sector 512: a VHD knows no other sectors. Choose a name that ends in .vhdx.',
    );
  if ('sizeBytes' in content && content.sizeBytes % sectorBytes !== 0)
    throw new UsageError(
      `expected a --size that is a multiple of ${sectorBytes} bytes: a disk is made of whole sectors`,
    );
};

const isVhdxName = (path: string): boolean => ['.vhdx', '.avhdx'].includes(extname(path).toLowerCase());

const newImage = (path: string): string => {
  if (isVhdxName(path) || ['.vhd', '.avhd'].includes(extname(path).toLowerCase())) return path;
  throw new InvalidArgumentError('The format goes by the name: expected one that ends in .vhd or .vhdx.');
};

const contentOf = ({ size, from }: GivenCreate): { readonly sizeBytes: number } | { readonly rawPath: string } => {
  if (from !== undefined) return { rawPath: resolve(from) };
  if (size !== undefined) return { sizeBytes: size };
  throw new UsageError('expected --size BYTES or --from RAW. Example: chainfold create base.vhdx --size 40G');
};

const made = async (
  { terminal, end }: CliContext,
  given: GivenCreate,
  make: (program: ImageProgram) => Promise<Result<ImageDescription, MergeError>>,
): Promise<void> => {
  const output = outputOf(given);
  end(
    await withImages(async (program) => {
      await assertSearch(searchOf(given), (path) => program.ports.files.stat(path));
      const image = await make(program);
      if (!image.ok) {
        await printError(terminal, image.error);
        return exitCodeOf(image.error);
      }
      if (output.json) await terminal.out.line(printableJson(newImageJson(image.value)));
      else if (!output.quiet) await terminal.out.line(newImageText(image.value));
      return EXIT.done;
    }),
  );
};

const newImageJson = ({
  path,
  format,
  type,
  virtualSizeBytes,
  blockSizeBytes,
  identity,
  parentIdentities,
}: ImageDescription) => ({
  path,
  format,
  type,
  virtualSize: virtualSizeBytes,
  blockSize: blockSizeBytes,
  identity,
  parentIdentity: parentIdentities[0] ?? null,
});

const newImageText = ({ path, format, type, virtualSizeBytes }: ImageDescription): string =>
  `Made ${printable(path)}: a ${type} ${format.toUpperCase()} of ${inUnits(virtualSizeBytes)}.`;
