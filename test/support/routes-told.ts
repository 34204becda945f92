// The gateway as `egret` starts it, saying every route as it is mounted: `route <listener> <method> <pattern>`.
import diagnostics from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

let listeners = 0;
diagnostics.subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance };
  const listener = ++listeners;
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) process.stderr.write(`route ${listener} ${each} ${url}\n`);
  });
});
await import('../../src/cli/main.ts');
