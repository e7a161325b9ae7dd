/** The version of this engine and of its client. */
export const version = '0.1.0';
