import type { FastifyInstance } from 'fastify';
import { portTaken } from './ports.ts';

/** Listens, and returns the URL. Throws `port_taken`, which says who wants the port and where it is set. */
export async function listen(
  app: FastifyInstance,
  at: { host: string; port: number; what: string; setting: string },
): Promise<string> {
  try {
    return await app.listen({ host: at.host, port: at.port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') throw portTaken(at.port, at);
    throw error;
  }
}
