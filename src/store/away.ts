import { EgretError } from '../errors.ts';
import { isUnreachable } from './database.ts';
import { isOfRecords } from './query.ts';
import { isRedisUnreachable } from './redis.ts';

/** The code of a store that is away (DESIGN rule 3), or undefined when the error is something else. */
export const storeAway = (error: unknown): 'EG-1702' | 'EG-1703' | undefined => {
  if (error instanceof EgretError) return error.code === 'EG-1702' || error.code === 'EG-1703' ? error.code : undefined;
  if (!isOfRecords(error) && isRedisUnreachable(error)) return 'EG-1703';
  return isUnreachable(error) ? 'EG-1702' : undefined;
};
