import { resolve } from 'node:path';
import type { Command } from 'commander';
import { keyFingerprint } from '#application/use-cases/audit-fingerprint';
import { defaultKeyPath } from '../event-store/journal-url.js';
import { openSigner } from '../platform/audit-key.js';
import { publicKeyPem } from '../platform/ed25519-signer.js';
import { NodeDigests } from '../platform/node-digests.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { withJson, withKey, type CliContext, type GivenKey, type GivenOutput } from './output-options.js';
import { printable, printableJson } from './printable.js';
import type { Terminal } from './terminal.js';

interface GivenKeyCommand extends GivenKey, GivenOutput {
  readonly public?: true;
}

export const addKeyCommand = (program: Command, { terminal, end }: CliContext): void => {
  withJson(withKey(program.command('key')), 'one JSON object: path, fingerprint, publicKey (raw, base64), pem')
    .summary('show the key that signs the record of jobs')
    .description(
      'Names the file of the private key, and prints its fingerprint and its public key; makes the key when there is none yet.\n' +
        'Give the public key to whoever audits: with it nobody can sign. Keep a copy of the private key: who loses it cannot sign as\n' +
        'before, though everything signed before stays right.',
    )
    .option('--public', 'print the public key and nothing else')
    .addHelpText('after', '\nExamples:\n  chainfold key\n  chainfold key --public > operator.pem')
    .action(async (given: GivenKeyCommand) => end(await showKey(given, terminal)));
};

const showKey = async (given: GivenKeyCommand, { out }: Terminal): Promise<ExitCode> => {
  const path = given.key === undefined ? defaultKeyPath() : resolve(given.key);
  const { publicKey } = await openSigner(path);
  const pem = publicKeyPem(publicKey);
  const fingerprint = keyFingerprint(publicKey, new NodeDigests());
  if (given.json === true) await out.line(printableJson({ path, fingerprint, publicKey, pem }));
  else if (given.public === true) await out.line(pem.trimEnd());
  else
    for (const line of [`Key ${fingerprint} in ${printable(path)}`, ...pem.trimEnd().split('\n')]) await out.line(line);
  return EXIT.done;
};
