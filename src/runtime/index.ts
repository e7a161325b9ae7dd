export { capabilitiesOf, capabilityNames, defaultCapabilities, effectiveCapabilities } from './capabilities.ts';
export type { OciProcess, OciSpec } from './ociSpec.ts';
export { checkSettings } from './resources.ts';
export { parseSecurityOptions } from './securityOptions.ts';
export { containerSpec, defaultMaskedPaths, defaultReadonlyPaths, execProcess, mergeEnv } from './spec.ts';
export type { ExecProcessInput } from './spec.ts';
export type * from './specInput.ts';
export type * from './types.ts';
export { readHostFacts } from './hostFacts.ts';
