import type { Code } from '../codes.ts';
import { ageAt } from './identifiers.ts';
import type { Row } from './table.ts';

/**
 * Which service gives a row's code, by what the code means. A code whose service comes later changes nothing yet: for
 * the services there are, such a person is an ordinary one.
 *
 * | code | means | 062 (three factors) | 103 (ticket → record) | later |
 * | --- | --- | --- | --- | --- |
 * | 2001 | name and number differ | always, even with the right name | – | X002 |
 * | 2002 | no such number | always | – | X002 |
 * | 2003 | the mobile differs | always, once name and number agree | – | |
 * | 2004 | the bank card differs | – | – | X004 |
 * | 2101-2104 | face | – | – | 050 |
 * | 2201, 2202, 2203 | the person or the document is not what it was | once all three agree | yes | |
 * | 2301 | under 14, by the settable clock | once all three agree | yes | |
 * | 2501, 2502 | the account is locked, cancelled | once all three agree | yes | |
 *
 * "Once all three agree": who does not know name, number and mobile learns nothing of the person's state. The login page
 * signs all of them in: the state is looked at when the ticket is exchanged, so that the gateway meets it there. X020
 * asks with a token that only a good answer of 103 gives, so it knows none of these codes.
 */
type Given = 'before the mobile' | 'always' | 'state';

const given: Readonly<Record<string, Given>> = {
  '2001': 'always',
  '2002': 'always',
  '2003': 'before the mobile',
  '2201': 'state',
  '2202': 'state',
  '2203': 'state',
  '2301': 'state',
  '2501': 'state',
  '2502': 'state',
};

/** Three factors against the rows of one number (two where the person has two accounts). */
export function checkThree(
  rows: readonly Row[],
  asked: { readonly name: string; readonly mobile: string },
  now: number,
): Code {
  const [first] = rows;
  if (!first) return '2002';
  if (first.code && given[first.code] === 'always') return first.code as Code;
  if (!rows.some(({ name }) => name === asked.name)) return '2001';
  if (first.code && given[first.code] === 'before the mobile') return first.code as Code;
  const agreeing = rows.find(({ name, mobile }) => name === asked.name && mobile === asked.mobile);
  return agreeing ? stateOf(agreeing, now) : '2003';
}

/** What the state of the person says to a question that was put rightly. */
export function stateOf(row: Row, now: number): Code {
  if (row.code === '2301') return ageAt(row.number, now) < 14 ? '2301' : '0000';
  return row.code && given[row.code] === 'state' ? (row.code as Code) : '0000';
}
