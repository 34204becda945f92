import type { Server as HttpServer } from 'node:http';
import { Server } from 'node:net';

/** How long what was begun may take, once nothing new is taken: in milliseconds. */
const longest = 10_000;
/** How long a quiet moment is looked for, in milliseconds. */
const search = 1_000;
/** What a turn of the event loop takes in which nothing happens, in milliseconds, and some more. */
const short = 0.05;

/**
 * Closes a server and resolves when its last answer is out; what is not answered in ten seconds is cut off. The caller's
 * answers say `connection: close` to who asks from now on.
 *
 * Who has connected but was not accepted yet is reset when the socket closes, and so is a request that meets the end of
 * an idle connection: no proxy sends a POST again (RFC 9110, 9.2.2). So the socket closes at the end of a turn of the
 * event loop that was short and brought nobody, and idle connections stay for a while, until who kept them has seen that
 * new ones are refused.
 * @param idle milliseconds that they stay
 */
export function lastAnswers(server: HttpServer, idle: number): Promise<void> {
  return new Promise((done) => {
    let came = true;
    let began = performance.now();
    const until = began + search;
    const note = (): void => {
      came = true;
    };
    const look = (): void => {
      const now = performance.now();
      const busy = came || now - began > short;
      came = false;
      began = now;
      if (busy && now < until) return void setImmediate(look);
      server.off('connection', note);
      const timers = [
        setInterval(() => server.closeIdleConnections(), Math.max(idle, 20)),
        setTimeout(() => server.closeAllConnections(), longest),
      ];
      // that of http closes idle connections first
      Server.prototype.close.call(server, () => {
        for (const timer of timers) clearTimeout(timer);
        done();
      });
    };
    server.on('connection', note);
    look();
  });
}
