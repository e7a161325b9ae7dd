import { createHash } from 'node:crypto';

/** A content digest that has been checked: `sha256:` and 64 lower-case hex digits (OCI image spec, descriptor.md, "Digests"). */
export type Digest = `sha256:${string}` & { readonly __digest: true };

const form = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a digest of a kind that the store keeps. */
export function isDigest(text: string): text is Digest {
  return form.test(text);
}

/** The digest of `bytes`. */
export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** The hex part of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
