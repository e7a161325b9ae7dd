const leastBytes = 256 * 1024;
let bytes = Buffer.alloc(0);

/**
 * Writes texts one behind the other into memory that all logs share: what is given is good until the next call. Encoding a
 * string into memory of its own takes many times as long.
 */
export function toScratch(parts: readonly string[], charset: 'latin1' | 'utf8'): Buffer {
  const longest = charset === 'latin1' ? 1 : 3;
  const mostBytes = parts.reduce((sum, part) => sum + part.length * longest, 0);
  if (bytes.length < mostBytes) bytes = Buffer.allocUnsafeSlow(Math.max(mostBytes, leastBytes));
  let end = 0;
  for (const part of parts) end += bytes.write(part, end, charset);
  return bytes.subarray(0, end);
}
