/**
 * Where the entry of a thread lies: `<name>.ts` beside the module that starts it, or `<name>.js` of the build, whose
 * entries lie together in one folder and whose other modules in `chunks/` below it.
 * @param starter `import.meta.url` of the module that starts the thread
 */
export function threadFile(starter: string, name: string): URL {
  if (starter.endsWith('.ts')) return new URL(`./${name}.ts`, starter);
  return new URL(starter.includes('/chunks/') ? `../${name}.js` : `./${name}.js`, starter);
}
