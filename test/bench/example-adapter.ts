import { Redis } from 'ioredis';

/**
 * The shape of adapter that oidc-provider gives as its example for Redis: JSON in a key, a hash with a mark for what
 * can be consumed, a list of keys for each grant, a key more for each uid.
 */
// biome-ignore lint/suspicious/noExplicitAny: a payload is whatever the library's model puts in it
type Payload = Record<string, any>;

const consumable = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest']);
const grantable = new Set([...consumable, 'AccessToken']);

export function exampleAdapter(path: string): new (name: string) => object {
  const client = new Redis({ path, keyPrefix: 'oidc:' });
  const ofGrant = (id: string): string => `grant:${id}`;
  const ofUid = (uid: string): string => `uid:${uid}`;
  return class ExampleAdapter {
    readonly #name: string;

    constructor(name: string) {
      this.#name = name;
    }

    async upsert(id: string, payload: Payload, expiresIn: number): Promise<void> {
      const key = this.#key(id);
      const text = JSON.stringify(payload);
      const multi = client.multi();
      if (consumable.has(this.#name)) multi.hset(key, { payload: text });
      else multi.set(key, text);
      if (expiresIn) multi.expire(key, expiresIn);
      if (grantable.has(this.#name) && payload.grantId) {
        const list = ofGrant(payload.grantId);
        multi.rpush(list, key);
        const left = await client.ttl(list);
        if (expiresIn > left) multi.expire(list, expiresIn);
      }
      if (payload.uid) {
        multi.set(ofUid(payload.uid), id);
        multi.expire(ofUid(payload.uid), expiresIn);
      }
      await multi.exec();
    }

    async find(id: string): Promise<Payload | undefined> {
      if (!consumable.has(this.#name)) {
        const text = await client.get(this.#key(id));
        return text ? JSON.parse(text) : undefined;
      }
      const { payload, ...rest } = await client.hgetall(this.#key(id));
      return payload ? { ...rest, ...JSON.parse(payload) } : undefined;
    }

    async findByUid(uid: string): Promise<Payload | undefined> {
      const id = await client.get(ofUid(uid));
      return id ? this.find(id) : undefined;
    }

    async consume(id: string): Promise<void> {
      await client.hset(this.#key(id), 'consumed', Math.floor(Date.now() / 1_000));
    }

    async destroy(id: string): Promise<void> {
      await client.del(this.#key(id));
    }

    async revokeByGrantId(grantId: string): Promise<void> {
      const keys = await client.lrange(ofGrant(grantId), 0, -1);
      const multi = client.multi();
      for (const key of keys) multi.del(key);
      multi.del(ofGrant(grantId));
      await multi.exec();
    }

    #key(id: string): string {
      return `${this.#name}:${id}`;
    }
  };
}
