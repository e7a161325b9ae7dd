declare module 'swagger2openapi' {
  const api: { convertObj(document: never, options: object): Promise<{ openapi: unknown }> };
  export default api;
}
