import { hash } from 'node:crypto';
import type { ClientRecord, Definition } from './department.ts';

/** As the records hold a client: its definition as it was applied, and what is none of the file's business. */
export interface ClientRow {
  readonly definition: Definition;
  readonly state: 'active' | 'stopped';
  /** Keyed hashes, newest first. */
  readonly secrets: Buffer[] | null;
}

/**
 * The record that is in force. The version of its wording is a hash of its items and of the matter they are for, in both
 * languages: whatever a person reads of its purposes (《个人信息保护法》第十四条).
 */
export function recordOf({ definition, state, secrets }: ClientRow): ClientRecord {
  return {
    ...definition,
    clientId: definition.client_id,
    state,
    origins: definition.origins ?? [],
    secretHashes: (secrets ?? []).map((secret) => secret.toString('base64url')),
    itemsVersion: hash('sha256', canonical([definition.matter ?? null, definition.items ?? []]), 'base64url').slice(
      0,
      12,
    ),
  };
}

const derived = new Set(['clientId', 'state', 'secretHashes', 'itemsVersion']);

/** The fields of a record that this definition would change; none when it is the same. */
export function changedFields(known: ClientRecord, definition: Definition): string[] {
  const before = known as unknown as Record<string, unknown>;
  const fields = new Set([...Object.keys(known).filter((field) => !derived.has(field)), ...Object.keys(definition)]);
  return [...fields].filter(
    (field) =>
      canonical(before[field]) !==
      canonical(field === 'origins' ? (definition.origins ?? []) : definition[field as keyof Definition]),
  );
}

/** JSON with sorted keys: jsonb keeps no order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
