import type { LogSubject } from './types.ts';

/** The subject of tests. */
export function aSubject(changes: Partial<LogSubject> = {}): LogSubject {
  return {
    id: '0123456789abcdef'.repeat(4),
    name: 'web',
    imageId: `sha256:${'fedcba9876543210'.repeat(4)}`,
    imageName: 'alpine:3',
    command: ['sh', '-c', 'echo hi'],
    createdAt: '2026-01-02T03:04:05Z',
    labels: {},
    environment: [],
    ...changes,
  };
}
