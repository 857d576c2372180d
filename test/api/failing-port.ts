/** A broker none of whose parts works. */
import type { BrokerPort } from '../../src/api/broker-port.js';
import { FakeUsers, NODE_NAME } from '../helpers/api-server.js';

/** @returns all parts of a port, which throw this whatever they are asked; but one user gets in */
export function failingPort(error: Error): BrokerPort {
  const users = new FakeUsers();
  const known: Readonly<Record<string, object>> = {
    node: { name: NODE_NAME },
    // When the server closes.
    traces: { stopAll: () => undefined },
    users: {
      onChanged: () => undefined,
      verify: (name: string, password: string) => {
        if (name !== 'admin') throw error;
        return users.verify(name, password);
      },
    },
  };
  const part = (name: string): object =>
    new Proxy(known[name] ?? {}, {
      get: (target, key) => {
        if (Object.hasOwn(target, key)) return Reflect.get(target, key);
        throw error;
      },
    });
  return new Proxy({}, { get: (_, name) => part(String(name)) }) as BrokerPort;
}
