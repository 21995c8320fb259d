import { createHash, randomUUID } from 'node:crypto';
import type { Identifiers } from '#application/ports/identifiers';

/** The product's own name space. Never to be changed: event ids of all journals come from it. */
const CHAINFOLD_NAME_SPACE = 'c4a1f01d-6d1e-4b0c-9f35-8a0f2b6de871';

export class NodeIdentifiers implements Identifiers {
  newGuid(): string {
    return randomUUID();
  }

  nameBased(name: string): string {
    return uuidVersion5(CHAINFOLD_NAME_SPACE, name);
  }
}

/** RFC 9562 5.5: SHA-1 over the name space's 16 bytes and the name's UTF-8, cut to 16 bytes, with version and variant set. */
export const uuidVersion5 = (nameSpace: string, name: string): string => {
  const bytes = createHash('sha1')
    .update(Buffer.from(nameSpace.replaceAll('-', ''), 'hex'))
    .update(name, 'utf8')
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};
