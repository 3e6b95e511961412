import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Lets a close not wait for connections that were opened ahead and never used: Node counts them as busy until their
 * headers are late. Clients open such connections after they have hung up on another.
 */
export function closeUnusedConnections(app: FastifyInstance): void {
  const unused = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', ({ socket }) => unused.delete(socket));
  app.addHook('preClose', (done) => {
    for (const socket of unused) socket.destroy();
    done();
  });
}
