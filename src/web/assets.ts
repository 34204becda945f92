import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { tabIcon } from './assets/icons.ts';

/**
 * The few files a page loads: one style sheet, one script, the icon of the tab. Each has the hash of its content in its
 * address, so a browser keeps it for a year and asks for another one when it changed. Routes: GET /assets/:file.
 */
interface Asset {
  readonly path: string;
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
}

const folder = join(import.meta.dirname, 'assets');

function asset(name: string, extension: string, type: string, bytes: Buffer): Asset {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { path: `/assets/${name}.${hash}.${extension}`, type, etag: `"${hash}"`, bytes };
}

/** The style sheet in parts, one after the other by their numbers: a later one may overrule an earlier one. */
const styles = fs
  .readdirSync(join(folder, 'styles'))
  .filter((file) => file.endsWith('.css'))
  .sort()
  .map((file) => fs.readFileSync(join(folder, 'styles', file)));

export const assets = {
  style: asset('egret', 'css', 'text/css; charset=utf-8', Buffer.concat(styles)),
  script: asset('egret', 'js', 'text/javascript; charset=utf-8', fs.readFileSync(join(folder, 'egret.js'))),
  icon: asset('egret', 'svg', 'image/svg+xml', Buffer.from(tabIcon)),
} satisfies Record<string, Asset>;

/**
 * What a page of ours may load and do: its own style, script and icon, forms to itself, no frame around it. Pages hold
 * no style or script of their own, so nothing inline is allowed.
 */
export const contentSecurityPolicy =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/**
 * A Fastify plugin. While nodes of two versions run together, a page of one loads its files from the other: it gets
 * those that are there, and nobody keeps them under that name.
 */
export async function serveAssets(server: FastifyInstance): Promise<void> {
  for (const each of Object.values(assets)) {
    server.get(each.path, (request, reply) => {
      reply
        .header('cache-control', 'public, max-age=31536000, immutable')
        .header('etag', each.etag)
        .header('x-content-type-options', 'nosniff');
      if (request.headers['if-none-match'] === each.etag) return reply.code(304).send();
      return reply.type(each.type).send(each.bytes);
    });
    const [, name, extension] = /^(.*\.)[0-9a-f]{16}(\.\w+)$/.exec(each.path) ?? [];
    server.get(`${name}:hash(^[0-9a-f]{16}$)${extension}`, (_request, reply) =>
      reply.header('cache-control', 'no-store').type(each.type).send(each.bytes),
    );
  }
  // Browsers ask for it by themselves on pages that are not ours (JSON answers): one answer, kept for a day.
  server.get('/favicon.ico', (_request, reply) =>
    reply.header('cache-control', 'public, max-age=86400').type(assets.icon.type).send(assets.icon.bytes),
  );
}
