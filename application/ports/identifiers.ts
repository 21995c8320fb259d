export interface Identifiers {
  /** A new random GUID (version 4), lower case. */
  newGuid(): string;
  /** UUIDv5 in the product's own name space: the same name gives the same GUID. */
  nameBased(name: string): string;
}
