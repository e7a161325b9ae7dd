export * from './fake.ts';
export * from './libc.ts';
export * from './mount.ts';
