import { shared } from './messages.js';

/** UUIDs travel as text, or as two signed 64-bit halves; the client's native bridge asks for the halves. */
export type UuidForm = 'text' | 'halves';

export const uuidText = (uuid: InstanceType<typeof shared.UUID> | undefined): string => {
  if (uuid === undefined) throw new Error('expected a UUID in the message, found none');
  const halves = uuid.getStructured();
  if (halves === undefined) return uuid.getString().toLowerCase();
  const digits = hex64(halves.getMostSignificantBits()) + hex64(halves.getLeastSignificantBits());
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};

export const uuidMessage = (text: string, form: UuidForm): InstanceType<typeof shared.UUID> => {
  if (form === 'text') return new shared.UUID().setString(text);
  const digits = text.replaceAll('-', '');
  const halves = new shared.UUID.Structured();
  halves.setMostSignificantBits(signed64(digits.slice(0, 16)));
  halves.setLeastSignificantBits(signed64(digits.slice(16)));
  return new shared.UUID().setStructured(halves);
};

/** The bytes of a stream's name, as messages carry it. */
export const streamIdentifier = (stream: string): InstanceType<typeof shared.StreamIdentifier> =>
  new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8'));

export const streamName = (identifier: InstanceType<typeof shared.StreamIdentifier> | undefined): string => {
  if (identifier === undefined) throw new Error('expected the name of a stream in the message, found none');
  return Buffer.from(identifier.getStreamName_asU8()).toString('utf8');
};

const hex64 = (signed: string): string => BigInt.asUintN(64, BigInt(signed)).toString(16).padStart(16, '0');

const signed64 = (hex: string): string => BigInt.asIntN(64, BigInt(`0x${hex}`)).toString();
