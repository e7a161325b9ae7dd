export { archiveTree, type ArchiveOptions, type ArchiveSource } from './archiveTree.ts';
export * from './content.ts';
export { openContentStore } from './fileContent.ts';
export { openOverlaySnapshotter, type OverlayOptions } from './overlaySnapshotter.ts';
export * from './paths.ts';
export * from './records.ts';
export * from './snapshotter.ts';
export { openRecords } from './sqliteRecords.ts';
