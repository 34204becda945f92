import { until } from './processes.ts';

/** The latest code sent to this mobile, as its owner reads it in the simulator's inbox, once more than `after` came. */
export async function codeSentTo(province: string, mobile: string, after = 0): Promise<string> {
  let found = '';
  await until(async () => {
    const answer = await fetch(`${province}/__sim/inbox.json?mobile=${mobile}`);
    const { messages } = (await answer.json()) as { messages: { params: { code?: string } }[] };
    const codes = messages.flatMap(({ params }) => params.code ?? []);
    found = codes[0] ?? '';
    return codes.length > after;
  });
  return found;
}
