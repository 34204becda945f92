/** Settings as they stand in the file: groups within groups. */
export type Tree = { [name: string]: unknown };

/** The value at a path; undefined where there is none. */
export function at(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => (node as Tree | undefined | null)?.[name], tree) ?? undefined;
}

/** Sets a value in place; where the file has something else than a group, the schema says so. */
export function put(tree: Tree, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  tree[name] ??= {};
  if (typeof tree[name] === 'object') put(tree[name] as Tree, rest, value);
}
