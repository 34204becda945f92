import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { Clients } from '../../clients/clients.ts';
import type { Keys } from '../../keys/keys.ts';
import { discoveryDocument } from '../discovery.ts';
import { buildProvider, type ProviderNeeds } from '../instance.ts';

/** Bytes made once an epoch, so that what every client fetches costs no work. */
export interface Prebuilt {
  readonly body: Buffer;
  readonly etag: string;
}

export interface Epoch {
  readonly provider: Provider;
  readonly handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  readonly discovery: Prebuilt;
  readonly jwks: Prebuilt;
}

export interface Epochs {
  current(): Epoch;
}

/**
 * One provider instance an epoch of keys and clients, swapped in whole: a request begun on the old one ends on it.
 * Building takes milliseconds; when a build fails (a client record the library refuses) the running one stays and the
 * reason is logged.
 */
export function createEpochs(
  needs: ProviderNeeds,
  keys: Pick<Keys, 'signingKeys' | 'publicJwks' | 'onEpoch'>,
  clients: Pick<Clients, 'snapshot' | 'onChange'>,
  onError: (error: unknown) => void,
): Epochs {
  const build = (): Epoch => {
    const records = [...clients.snapshot().clients.values()].filter((record) => record.state === 'active');
    const provider = buildProvider(needs, keys.signingKeys().keys, records);
    provider.on('server_error', (_ctx, error) => onError(error));
    return {
      provider,
      handle: provider.callback() as Epoch['handle'],
      discovery: prebuilt(discoveryDocument(needs.issuer)),
      jwks: prebuilt(keys.publicJwks()),
    };
  };
  let epoch = build();
  const swap = (): void => {
    try {
      epoch = build();
    } catch (error) {
      onError(error);
    }
  };
  keys.onEpoch(swap);
  clients.onChange(swap);
  return { current: () => epoch };
}

function prebuilt(document: object): Prebuilt {
  const body = Buffer.from(JSON.stringify(document));
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
