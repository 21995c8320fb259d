/** Where the structures of an image are, so that they can be changed one field at a time: by name, place and checksum. */

/** Bytes that can be read and written: a file, or a file seen through its log. */
export type Surface = {
  readonly read: (offsetBytes: number, lengthBytes: number) => Buffer;
  readonly write: (offsetBytes: number, bytes: Uint8Array) => void;
};

export type Field = {
  /** As in "VHDX header 1". */
  readonly structure: string;
  /** The specification's name. */
  readonly name: string;
  readonly offsetBytes: number;
  /** 1, 2, 4 or 8. */
  readonly lengthBytes: number;
  readonly order: 'big' | 'little';
  readonly surface: Surface;
  /** Makes the structure's checksum right again; without it the structure has none. */
  readonly seal?: () => void;
  /** The same field of the structure's other copy. */
  readonly twin?: Omit<Field, 'twin'>;
  /** What it counts in: values of this unit are interesting, and so are places in the file counted in it. */
  readonly unitBytes?: number;
};

/** A part of the file that means something as a whole. */
export type Region = { readonly name: string; readonly offsetBytes: number; readonly lengthBytes: number };

/** A path that the image names: its text, and how long it says it is. */
export type StoredPath = {
  readonly name: string;
  readonly offsetBytes: number;
  /** Bytes that are there for it. */
  readonly roomBytes: number;
  readonly encoding: 'utf16le' | 'utf16be' | 'utf8';
  readonly surface: Surface;
  readonly length?: Field;
  readonly seal?: () => void;
};

export type StructureMap = {
  readonly fields: readonly Field[];
  readonly regions: readonly Region[];
  readonly paths: readonly StoredPath[];
};

/** Reads a table of fields: name and length, one after the other from `offsetBytes` on. */
export const fieldsOf = (
  at: Pick<Field, 'structure' | 'order' | 'surface'> & { readonly offsetBytes: number; readonly seal?: () => void },
  table: readonly (readonly [name: string, at: number, lengthBytes: number, unitBytes?: number])[],
): readonly Field[] =>
  table.map(([name, offset, lengthBytes, unitBytes]) => ({
    ...at,
    name,
    offsetBytes: at.offsetBytes + offset,
    lengthBytes,
    ...(unitBytes === undefined ? {} : { unitBytes }),
  }));

/** Two copies of one structure: each field knows the other's. */
export const twins = (first: readonly Field[], second: readonly Field[]): readonly Field[] => [
  ...first.map((field, nth) => withTwin(field, second[nth])),
  ...second.map((field, nth) => withTwin(field, first[nth])),
];

const withTwin = (field: Field, twin: Field | undefined): Field => (twin === undefined ? field : { ...field, twin });

export const valueOf = ({ surface, offsetBytes, lengthBytes, order }: Omit<Field, 'twin'>): bigint => {
  const bytes = surface.read(offsetBytes, lengthBytes);
  return BigInt(`0x${(order === 'big' ? bytes : Buffer.from(bytes).reverse()).toString('hex')}`);
};

export const setValue = ({ surface, offsetBytes, lengthBytes, order }: Omit<Field, 'twin'>, value: bigint): void => {
  const hex = BigInt.asUintN(lengthBytes * 8, value)
    .toString(16)
    .padStart(lengthBytes * 2, '0');
  const bytes = Buffer.from(hex, 'hex');
  surface.write(offsetBytes, order === 'big' ? bytes : bytes.reverse());
};
