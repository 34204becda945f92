import type { ProtocolState } from './state.ts';

/**
 * Protocol state for requests: each step is refused, EG-1702 or EG-1703, while this process may not serve. It is asked
 * at every use and not once a request: a process may sleep in between.
 */
export function whileServing(state: ProtocolState, assure: () => Promise<void> | undefined): ProtocolState {
  const first = <A extends readonly unknown[], R>(step: (...args: A) => Promise<R>) => {
    return (...args: A): Promise<R> => {
      const wait = assure();
      return wait ? wait.then(() => step(...args)) : step(...args);
    };
  };
  return {
    ...state,
    load: first(state.load),
    commit: first(state.commit),
    guess: first(state.guess),
    count: first(state.count),
  };
}
