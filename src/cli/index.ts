export { main } from './main.ts';
export type { Input, Output, World } from './world.ts';
