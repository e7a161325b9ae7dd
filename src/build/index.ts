export { applyChanges } from './dockerfile/applyChanges.ts';
