/** System errors that an archive entry's name or number can cause; all others are the machine's. */
export const entryErrors = [
  'ENAMETOOLONG',
  'ENOTDIR',
  'ELOOP',
  'EINVAL',
  'EFBIG',
  'EEXIST',
  'EISDIR',
  'EMLINK',
  'ERANGE',
  'E2BIG',
  'ENOENT',
];
