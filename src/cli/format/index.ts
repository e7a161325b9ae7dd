export { TemplateError } from './templateError.ts';
export { Template } from './template.ts';
export { checkFormat, formatRows } from './table.ts';
export { alignTabs } from './tabwriter.ts';
export { inspectValue } from './inspectValue.ts';
export { toJson } from './json.ts';
export { GoStruct } from './values.ts';
