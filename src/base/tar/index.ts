export { bytesOf, shown as shownName, toByteString } from './entry.ts';
export type { ByteString, EntryType, SparseSegment, TarEntry } from './entry.ts';
export type { ChunkSource } from './byteReader.ts';
export { attributesOf, deviceNumbersOf, entryTypeOf } from './fileEntry.ts';
export { packTar, type PackEntry } from './pack.ts';
export { TarReader } from './reader.ts';
export { writeData } from './writeData.ts';
export { encodeHeader, endOfArchive, paddingOf, type WritableEntry } from './writer.ts';
