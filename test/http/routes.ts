/** Routes with their methods, from the tree that Fastify prints without common prefixes. */
export function listRoutes(tree: string): { url: string; methods: string[] }[] {
  const found: { url: string; methods: string[] }[] = [];
  const parents: string[] = [];
  for (const line of tree.split('\n')) {
    const [, indent = '', path = '', methods] = /^([│ ]*)[├└]── (\S*)(?: \((.*)\))?$/.exec(line) ?? [];
    const depth = indent.length / 4;
    parents.splice(depth, parents.length, path);
    if (methods !== undefined) found.push({ url: parents.join(''), methods: methods.split(', ') });
  }
  return found;
}

/** A path with its parameters filled in. */
export function fillPath(url: string): string {
  const values: Record<string, string> = { model: 'mail', version: 'v2', run: '6', id: 'i0', user: '0'.repeat(16) };
  return url.replaceAll(/:(\w+)/g, (_, name: string) => values[name] ?? 'x');
}
