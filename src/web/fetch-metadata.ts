import type { FastifyRequest } from 'fastify';

/**
 * Whether a page of another origin asks for this as a part of its own: a frame, an image, a script, something fetched
 * ahead (W3C Fetch Metadata). People come to a page of ours by a link or an address, and then it is the document; some
 * pages write what a journey has come to, and a sibling's request brings our cookies. Browsers that say nothing are let
 * through: their frames are stopped by X-Frame-Options. What is posted the desk looks at.
 */
export function isEmbedded({ method, headers }: Pick<FastifyRequest, 'method' | 'headers'>): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest } = headers;
  if (method === 'POST' || (site !== 'cross-site' && site !== 'same-site')) return false;
  return mode !== 'navigate' || dest !== 'document';
}
