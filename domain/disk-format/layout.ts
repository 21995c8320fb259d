/**
 * Layouts of on-disk structures, written like the tables of their specifications. Guarantees:
 * - One `struct` declaration gives the type, the decoder and the encoder, so the three cannot drift apart.
 * - A declaration with a gap, an overlap or a wrong total throws when its module loads, not when a file is read.
 * - Encoding what was decoded gives the same bytes, reserved ones included.
 *
 * This is the only code that touches a DataView.
 */

/** How one value lies in bytes. `sizeBytes` is fixed; a value of another size is a bug and throws. */
export interface Codec<T> {
  readonly sizeBytes: number;
  readonly read: (view: DataView, offsetBytes: number) => T;
  readonly write: (view: DataView, offsetBytes: number, value: T) => void;
}

export interface Field<T> {
  readonly offsetBytes: number;
  readonly codec: Codec<T>;
}

/** A whole structure. It is a codec itself, so that structures can be parts of structures. */
export interface Struct<T> extends Codec<T> {
  readonly name: string;
  /** Where each field starts, in bytes from the start of the structure. */
  readonly offsets: Readonly<Record<keyof T, number>>;
  /** `bytes` must be `sizeBytes` long: whoever reads from a file has checked that before. */
  readonly decode: (bytes: Uint8Array) => T;
  readonly encode: (value: T) => Uint8Array;
}

export type Decoded<S> = S extends Codec<infer T> ? T : never;

export const at = <T>(offsetBytes: number, codec: Codec<T>): Field<T> => ({ offsetBytes, codec });

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const mustBe = (what: string, expected: number, found: number): void => {
  if (expected !== found) throw new RangeError(`Bug: ${what} takes ${expected} bytes, not ${found}`);
};

const checkPlan = (name: string, sizeBytes: number, fields: readonly (readonly [string, Field<unknown>])[]): void => {
  let end = 0;
  for (const [field, { offsetBytes, codec }] of fields) {
    if (offsetBytes !== end) {
      const problem = offsetBytes > end ? 'a gap' : 'an overlap';
      throw new RangeError(`Bug: ${name} has ${problem} before ${field}: ${end} was next, not ${offsetBytes}`);
    }
    end += codec.sizeBytes;
  }
  if (end !== sizeBytes) throw new RangeError(`Bug: the fields of ${name} end at ${end}, not at ${sizeBytes}`);
};

/** A structure of `sizeBytes` bytes. Fields are listed in ascending order of their offsets. */
export const struct = <T extends object>(
  name: string,
  sizeBytes: number,
  fields: { readonly [K in keyof T]: Field<T[K]> },
): Struct<Readonly<T>> => {
  const plan = Object.entries(fields) as [keyof T & string, Field<unknown>][];
  checkPlan(name, sizeBytes, plan);
  const read = (view: DataView, offsetBytes: number): T =>
    Object.fromEntries(plan.map(([key, field]) => [key, field.codec.read(view, offsetBytes + field.offsetBytes)])) as T;
  const write = (view: DataView, offsetBytes: number, value: T): void => {
    for (const [key, field] of plan) field.codec.write(view, offsetBytes + field.offsetBytes, value[key]);
  };
  return {
    name,
    sizeBytes,
    offsets: Object.fromEntries(plan.map(([key, field]) => [key, field.offsetBytes])) as Record<keyof T, number>,
    read,
    write,
    decode: (encoded) => {
      mustBe(name, sizeBytes, encoded.length);
      return read(viewOf(encoded), 0);
    },
    encode: (value) => {
      const encoded = new Uint8Array(sizeBytes);
      write(viewOf(encoded), 0, value);
      return encoded;
    },
  };
};

/** `count` values of one codec, one after the other. */
export const repeated = <T>(count: number, codec: Codec<T>): Codec<readonly T[]> => ({
  sizeBytes: count * codec.sizeBytes,
  read: (view, offset) => Array.from({ length: count }, (_, n) => codec.read(view, offset + n * codec.sizeBytes)),
  write: (view, offset, values) => {
    mustBe('a repeated field', count, values.length);
    values.forEach((value, n) => {
      codec.write(view, offset + n * codec.sizeBytes, value);
    });
  },
});

const unsigned = (sizeBytes: 1 | 2 | 4, littleEndian: boolean): Codec<number> => {
  const limit = 2 ** (8 * sizeBytes);
  const setters = { 1: 'setUint8', 2: 'setUint16', 4: 'setUint32' } as const;
  const getters = { 1: 'getUint8', 2: 'getUint16', 4: 'getUint32' } as const;
  return {
    sizeBytes,
    read: (view, offset) => view[getters[sizeBytes]](offset, littleEndian),
    write: (view, offset, value) => {
      if (!Number.isInteger(value) || value < 0 || value >= limit) {
        throw new RangeError(`Bug: ${value} is no unsigned integer of ${sizeBytes} bytes`);
      }
      view[setters[sizeBytes]](offset, value, littleEndian);
    },
  };
};

const unsigned64 = (littleEndian: boolean): Codec<bigint> => ({
  sizeBytes: 8,
  read: (view, offset) => view.getBigUint64(offset, littleEndian),
  write: (view, offset, value) => {
    if (value < 0n || value >= 1n << 64n) throw new RangeError(`Bug: ${value} is no unsigned integer of 8 bytes`);
    view.setBigUint64(offset, value, littleEndian);
  },
});

export const u8 = unsigned(1, false);
export const u16be = unsigned(2, false);
export const u32be = unsigned(4, false);
export const u64be = unsigned64(false);
export const u16le = unsigned(2, true);
export const u32le = unsigned(4, true);
export const u64le = unsigned64(true);

/** Raw bytes, copied out, so that a decoded value does not change with the buffer it was read into. */
export const bytes = (sizeBytes: number): Codec<Uint8Array> => ({
  sizeBytes,
  read: (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, sizeBytes).slice(),
  write: (view, offset, value) => {
    mustBe('a field of raw bytes', sizeBytes, value.length);
    new Uint8Array(view.buffer, view.byteOffset + offset, sizeBytes).set(value);
  },
});

/** Bytes that a specification wants zero. Kept as they are: some programs keep flags there (XenServer's `hidden`). */
export const reserved = (sizeBytes: number): Codec<Uint8Array> => bytes(sizeBytes);

const mapped = <A, B>(codec: Codec<A>, from: (value: A) => B, to: (value: B) => A): Codec<B> => ({
  sizeBytes: codec.sizeBytes,
  read: (view, offset) => from(codec.read(view, offset)),
  write: (view, offset, value) => {
    codec.write(view, offset, to(value));
  },
});

/** `sizeBytes` characters, one a byte. Bytes above 0x7F become U+0080…U+00FF, so that a damaged cookie can be shown and kept. */
export const ascii = (sizeBytes: number): Codec<string> =>
  mapped(
    bytes(sizeBytes),
    (raw) => String.fromCharCode(...raw),
    (text) => {
      const codes = Array.from({ length: text.length }, (_, n) => text.charCodeAt(n));
      if (codes.some((code) => code > 0xff))
        throw new RangeError(`Bug: ${JSON.stringify(text)} is not one byte a character`);
      return Uint8Array.from(codes);
    },
  );

const utf16 = (sizeBytes: number, unit: Codec<number>): Codec<string> =>
  mapped(
    repeated(sizeBytes / 2, unit),
    (units) => String.fromCharCode(...units),
    (text) => Array.from({ length: text.length }, (_, n) => text.charCodeAt(n)),
  );

/** UTF-16BE code units, padding NULs included. Lone surrogates are kept: paths in images have them. */
export const utf16be = (sizeBytes: number): Codec<string> => utf16(sizeBytes, u16be);

/** The same in UTF-16LE, as VHDX has it. */
export const utf16le = (sizeBytes: number): Codec<string> => utf16(sizeBytes, u16le);

const GUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const guidText = (raw: Uint8Array): string => {
  const digits = Array.from(raw, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  );
};

const bytesOfGuid = (text: string): Uint8Array => {
  if (!GUID_TEXT.test(text)) throw new RangeError(`Bug: ${JSON.stringify(text)} is no lower-case GUID`);
  return Uint8Array.from(text.replaceAll('-', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
};

/** 16 opaque bytes as a lower-case UUID text, in byte order: a VHD Unique Id is only ever compared. */
export const guidBytes: Codec<string> = mapped(bytes(16), guidText, bytesOfGuid);

const WINDOWS_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;
const swapped = (raw: Uint8Array): Uint8Array => Uint8Array.from(WINDOWS_ORDER, (from) => raw[from]!);

/** A Windows GUID: its first three numbers little-endian, the rest in byte order. Lower-case text without braces. [MS-DTYP] 2.3.4 */
export const guid: Codec<string> = mapped(
  bytes(16),
  (raw) => guidText(swapped(raw)),
  (text) => swapped(bytesOfGuid(text)),
);

/** Big-endian 32-bit numbers, all that are whole in `encoded`. For tables: fast, and without an object for each number. */
export const decodeU32beTable = (encoded: Uint8Array): Uint32Array => {
  const view = viewOf(encoded);
  const numbers = new Uint32Array(Math.floor(encoded.length / 4));
  for (let n = 0; n < numbers.length; n += 1) numbers[n] = view.getUint32(n * 4, false);
  return numbers;
};

export const encodeU32beTable = (numbers: Uint32Array): Uint8Array => {
  const encoded = new Uint8Array(numbers.length * 4);
  const view = viewOf(encoded);
  numbers.forEach((number, n) => {
    view.setUint32(n * 4, number, false);
  });
  return encoded;
};
