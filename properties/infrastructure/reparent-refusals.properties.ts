import { copyFileSync, linkSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunPorts } from '#application/merge/run-context';
import type { FileToLock } from '#application/ports/image-lock';
import type { ReparentOptions } from '#application/use-cases/reparent-image';
import { returnCodeOf } from '../../domain/merge-error.js';
import { HRESULT, RETURN_CODE } from '../../domain/return-code.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { OfdImageLocks } from '../../infrastructure/locks/ofd-image-locks.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { Died, dyingAfter, filesThat } from '../product/dying-files.js';
import { merge, productPorts } from '../product/product.js';
import {
  content,
  createBase,
  createChild,
  eventsOf,
  FORMATS,
  reparent,
  SIZE_BYTES,
  type Format,
} from './reparent-disks.js';
import { fingerprintsBelow, smallChain, type SmallChain } from './reparent-files.js';

/** What is asked, when all is in place for it to be refused. */
type Asked = {
  readonly child?: string;
  readonly parent: string;
  readonly options?: Partial<ReparentOptions>;
  readonly ports?: RunPorts;
  readonly held?: FileToLock;
};

type Refused = readonly [
  title: string,
  code: number,
  hresult: number,
  arrange: (made: SmallChain) => Asked | Promise<Asked>,
];

const whatever = { ignoreIdMismatch: true };
const otherFormat = (format: Format): Format => (format === 'vhd' ? 'vhdx' : 'vhd');
const { invalidState, fileNotFound, notSupported, inUse, accessDenied, invalidParameter } = RETURN_CODE;

class FilesOfOthers extends NodeFileSystem {
  override changeObstacle(): Promise<string | null> {
    return Promise.resolve('the file belongs to somebody else');
  }
}

const REFUSED: readonly Refused[] = [
  ['to itself', invalidState, HRESULT.vhdCycle, ({ child }) => ({ parent: child })],
  [
    'to another name of itself',
    invalidState,
    HRESULT.vhdCycle,
    ({ child }) => {
      const parent = `${child}-name`;
      linkSync(child, parent);
      return { parent, options: whatever };
    },
  ],
  [
    'to a copy of itself',
    invalidState,
    HRESULT.vhdCycle,
    ({ child }) => {
      const parent = `${child}-copy`;
      copyFileSync(child, parent);
      return { parent, options: whatever };
    },
  ],
  [
    'to its child',
    invalidState,
    HRESULT.vhdCycle,
    async ({ child, over }) => ({ parent: await over(child, 'leaf', 6), options: whatever }),
  ],
  [
    'to a grandchild, when its own parent is gone',
    invalidState,
    HRESULT.vhdCycle,
    async ({ child, base, over }) => {
      const parent = await over(await over(child, 'middle', 6), 'leaf', 7);
      renameSync(base, `${base}-away`);
      return { parent, options: whatever };
    },
  ],
  [
    'to a parent whose own parent is gone',
    fileNotFound,
    HRESULT.vhdParentNotFound,
    async ({ child, base, over }) => {
      const leaf = await over(child, 'leaf', 6);
      renameSync(base, `${base}-away`);
      return { child: leaf, parent: child };
    },
  ],
  ['to nothing', fileNotFound, HRESULT.fileNotFound, ({ root }) => ({ parent: join(root, 'nothing') })],
  ['to nothing in no folder', fileNotFound, HRESULT.fileNotFound, ({ root }) => ({ parent: join(root, 'no', 'disk') })],
  ['by a path that is not absolute', invalidParameter, HRESULT.invalidParameter, () => ({ parent: 'base' })],
  [
    'of a disk that has no parent',
    notSupported,
    HRESULT.vhdInvalidType,
    async ({ format, ports, base, raw }) => {
      const parent = `${base}-other.${format}`;
      await createBase(ports, parent, format, raw(content(format, 9)));
      return { child: base, parent, options: whatever };
    },
  ],
  [
    'to another format',
    notSupported,
    HRESULT.vhdInvalidType,
    async ({ format, ports, root, raw }) => {
      const other = otherFormat(format);
      const parent = join(root, `other.${other}`);
      await createBase(ports, parent, other, raw(content(other, 9)));
      return { parent, options: whatever };
    },
  ],
  [
    'while somebody has the child',
    inUse,
    HRESULT.sharingViolation,
    ({ child, base }) => ({ parent: base, held: { path: child, use: 'read' } }),
  ],
  [
    'while somebody writes to the parent',
    inUse,
    HRESULT.sharingViolation,
    ({ base }) => ({ parent: base, held: { path: base, use: 'write' } }),
  ],
  [
    'of a child that this user may not write',
    accessDenied,
    HRESULT.accessDenied,
    ({ base, ports: { store } }) => ({ parent: base, ports: productPorts({ files: new FilesOfOthers(), store }) }),
  ],
  [
    'while an unfinished merge holds it',
    inUse,
    HRESULT.sharingViolation,
    async ({ child, base, ports: { store } }) => {
      const files = filesThat(new NodeFileSystem(), dyingAfter(base, 1));
      await expect(merge(productPorts({ files, store }), child, base)).rejects.toThrow(Died);
      const parent = `${base}-renamed`;
      renameSync(base, parent);
      return { parent, options: whatever };
    },
  ],
];

describe.each(FORMATS)('a re-parenting (%s) is refused, and every file stays as it is,', (format) => {
  const scratch = scratchFolder(folderInMemory());

  const expectRefused = async (made: SmallChain, asked: Asked, codes: readonly [number, number]): Promise<void> => {
    const before = fingerprintsBelow(made.root);
    const locks = asked.held === undefined ? null : await new OfdImageLocks().lockAll([asked.held]);
    const locked = locks === null ? made.ports : { ...made.ports, locks: new OfdImageLocks() };
    const answer = await reparent(asked.ports ?? locked, asked.child ?? made.child, asked.parent, asked.options);
    if (locks?.held === true) await locks.release();
    if (answer.answer !== 'refused') throw new Error(JSON.stringify(answer));
    expect([returnCodeOf(answer.error), answer.error.hresult], answer.error.message).toEqual(codes);
    expect(fingerprintsBelow(made.root)).toEqual(before);
    expect(await eventsOf(made.ports)).toEqual(['ReparentRequested', 'ReparentRefused']);
  };

  test.each(REFUSED)('%s', async (_title, code, hresult, arrange) => {
    const made = await smallChain(scratch(), format);
    await expectRefused(made, await arrange(made), [code, hresult]);
  });

  test('to a parent of another size, in a VHD; a VHDX may differ', async () => {
    const made = await smallChain(scratch(), format);
    const { ports, root, raw } = made;
    const parent = join(root, `larger.${format}`);
    await createBase(ports, parent, format, raw(new Uint8Array(2 * SIZE_BYTES[format])));
    if (format === 'vhd')
      await expectRefused(made, { parent, options: whatever }, [invalidState, HRESULT.vhdSizeMismatch]);
    else expect(await reparent(ports, made.child, parent, whatever)).toMatchObject({ ended: { outcome: 'changed' } });
  });

  test('to a parent whose parent lies in a folder that was not allowed, until it is', async () => {
    const made = await smallChain(scratch(), format);
    const { ports, root, base, raw } = made;
    const [middle, leaf] = ['middle', 'leaf'].map((name) => join(root, 'clones', `${name}.${format}`)) as [
      string,
      string,
    ];
    mkdirSync(join(root, 'clones'));
    await createChild(ports, middle, base, format, raw(content(format, 4)));
    const search = { roots: [root] };
    await createChild(ports, leaf, middle, format, raw(content(format, 5)), search);
    const asked = { child: leaf, parent: middle };
    await expectRefused(made, asked, [fileNotFound, HRESULT.vhdParentNotFound]);
    expect(await reparent(ports, leaf, middle, search)).toMatchObject({ answer: 'unchanged' });
  });
});
