/**
 * Signs and checks the heads of streams (Ed25519, RFC 8032). A signature binds a history to the holder of a key: whoever rewrites
 * a stream as a whole, hashes and all, cannot sign it.
 */
export interface HeadSigner {
  /** Over the UTF-8 of the text. Throws a `FileSystemFault` when the key cannot be had. */
  sign(text: string): HeadSignature;
  /** Is this a signature over the text by the key that it names? Whether that key is to be trusted is another question. */
  isSigned(text: string, signature: HeadSignature): boolean;
}

export interface HeadSignature {
  readonly algorithm: 'ed25519';
  /** The raw public key, 32 bytes, base64. */
  readonly publicKey: string;
  /** 64 bytes, base64. */
  readonly value: string;
}
