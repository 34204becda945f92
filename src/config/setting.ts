import Type, { type TSchema } from 'typebox';

/** What the table of settings says of one, beside its type and bounds. */
export interface About {
  readonly description: string;
  readonly unit?: string;
  /** The environment variable that sets it, stronger than the file. */
  readonly env?: string;
  /** May hold a password: such a value comes from the environment or from the file that `<env>_FILE` names. */
  readonly secret?: true;
  /** How a default is written that depends on others. */
  readonly shown?: string;
  /** The room that reads it counts in another unit: the file's number times this. */
  readonly times?: number;
  readonly default?: unknown;
}

export const group = <P extends Record<string, TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
export const whole = (minimum: number, maximum: number, about: About) => Type.Integer({ minimum, maximum, ...about });
export const text = (about: About) => Type.String({ minLength: 1, maxLength: 500, ...about });
export const texts = (about: About) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 50, ...about });
export const seconds = (minimum: number, maximum: number, value: number, description: string, times?: number) =>
  whole(minimum, maximum, { default: value, unit: 'seconds', description, times });
export const count = (minimum: number, maximum: number, value: number, description: string) =>
  whole(minimum, maximum, { default: value, unit: 'count', description });
export const cap = (number: number, span: number, what: string, known: number) =>
  group({
    count: count(1, 1_000_000, number, `${what} from one network address within the span`),
    seconds: seconds(1, 86_400, span, `The span of that cap`),
    known: count(1, 1_000_000, known, 'Beside them, within that span, from one browser that some account knows'),
  });

/** One setting as the table has it. */
export interface Setting extends About {
  readonly path: readonly string[];
  readonly schema: TSchema;
  readonly numeric: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
}
