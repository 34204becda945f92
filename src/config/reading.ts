import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Value from 'typebox/value';
import { parse } from 'yaml';
import type { Setting } from './setting.ts';
import { allSettings, settings } from './settings.ts';
import type { Tree } from './tree.ts';

/** The project's folder: relative paths of the configuration begin here. */
export const projectRoot = resolve(import.meta.dirname, '../..');

/** The file; what is wrong with it is added to `problems`. */
export function readTree(named: string | undefined, problems: string[]): Tree {
  const path = named ? resolve(projectRoot, named) : join(projectRoot, 'config/egret.yaml');
  try {
    const tree: unknown = parse(readFileSync(path, 'utf8')) ?? {};
    if (typeof tree === 'object' && !Array.isArray(tree)) return tree as Tree;
    problems.push(`${path} must be a list of settings, as \`name: value\``);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || named) problems.push(`${path}: ${message.split('\n')[0]}`);
  }
  return {};
}

/** The value of the environment, or of the file it names; empty counts as not given. */
export function fromEnvironment(setting: Setting, env: NodeJS.ProcessEnv, problems: string[]): unknown {
  const { env: name, secret, numeric } = setting;
  if (!name) return undefined;
  const direct = env[name] || undefined;
  const file = (secret && env[`${name}_FILE`]) || undefined;
  if (direct && file) problems.push(`${name} and ${name}_FILE are both given: one of them`);
  if (file) {
    try {
      return readFileSync(resolve(projectRoot, file), 'utf8').trim();
    } catch (error) {
      problems.push(`${name}_FILE: ${(error as Error).message}`);
    }
  }
  if (direct === undefined || !numeric) return direct;
  if (/^-?\d{1,15}$/.test(direct)) return Number(direct);
  problems.push(`${name} must be a whole number`);
  return undefined;
}

/** A misspelt variable would be a setting that silently does nothing. */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = new Set(['EGRET_CONFIG']);
  for (const { env: name, secret } of allSettings()) if (name) known.add(name).add(secret ? `${name}_FILE` : name);
  return Object.keys(env)
    .filter((name) => /^EGRET_(?!TEST_|DEMO_)/.test(name) && !known.has(name))
    .map((name) => `${name} is no variable of Egret (known: ${[...known].join(', ')})`);
}

/** What has no place in the table, or not the shape it says there. */
export function schemaProblems(given: Tree): string[] {
  const partial = optional(settings as unknown as SchemaNode);
  return [...Value.Errors(partial as Parameters<typeof Value.Errors>[0], given)]
    .filter((error) => error.keyword !== 'additionalProperties')
    .map(({ instancePath, keyword, message, params }) => {
      const path = instancePath.split('/').slice(1);
      const name = path.join('.') || 'the file';
      if (keyword === 'boolean') return `${name} is no setting: see docs/limits.md`;
      const setting = allSettings().find((each) => each.path.join('.') === name);
      const source = setting?.env ? ` (or ${setting.env})` : '';
      const allowed =
        keyword === 'enum' ? `: ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}` : '';
      return `${name}${source} ${message}${allowed}`;
    });
}

interface SchemaNode extends Tree {
  properties?: Record<string, SchemaNode>;
}

/** The same schema with nothing required: what is missing has its default. */
function optional(node: SchemaNode): SchemaNode {
  if (!node.properties) return node;
  const properties = Object.fromEntries(
    Object.entries(node.properties).map(([name, inner]) => [name, optional(inner)]),
  );
  return { ...node, properties, required: [] };
}
