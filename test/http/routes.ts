import { subscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

export interface Route {
  method: string;
  url: string;
}

const known = new WeakMap<object, Route[]>();

/** Fastify tells of each server it makes, before that has a route; its printed tree leaves some out. */
subscribe('fastify.initialization', (message) => {
  if (!holdsServer(message)) return;
  const routes: Route[] = [];
  known.set(message.fastify, routes);
  message.fastify.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, url });
  });
});

function holdsServer(message: unknown): message is { fastify: FastifyInstance } {
  return typeof message === 'object' && message !== null && 'fastify' in message;
}

/** Every route of a server that was made since this file was imported, with its methods; HEAD beside GET is left out. */
export function routesOf(app: FastifyInstance): Route[] {
  const routes = known.get(app);
  if (routes === undefined) throw new Error('this server was made before routes were followed');
  return routes.filter(({ method }) => method !== 'HEAD');
}

/** A path with its parameters filled in. */
export function fillPath(url: string): string {
  const values: Record<string, string> = { model: 'mail', version: 'v2', run: '6', id: 'i0', user: '0'.repeat(16) };
  return url.replaceAll(/:(\w+)/g, (_, name: string) => values[name] ?? 'x');
}
