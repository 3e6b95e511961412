import type { PayloadCodec } from '@temporalio/common';
import { JSONToPayload, payloadToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { createPayloadCodec } from '../payload/codec.ts';
import { parseRequest } from './errors.ts';

/** Who has Temporal's payloads decrypted here, and with what. */
export interface PayloadAccess {
  codec: PayloadCodec;
  /** Payloads of other namespaces are not ours to encrypt: their workers could not read them. */
  namespace: string;
  /** Origins of the Temporal UI, whose pages may ask. */
  uiOrigins: ReadonlySet<string>;
}

export const noPayloadKeys: PayloadAccess = {
  codec: createPayloadCodec([]),
  namespace: 'default',
  uiOrigins: new Set(),
};

/** As Temporal's remote codecs speak: metadata and data in base64. The CLI asks with `{}` for no payloads. */
const payload = z.object({
  metadata: z.record(z.string(), z.base64()).default({}),
  data: z.base64().default(''),
});
export const codecBody = z.object({ payloads: z.array(payload).default([]) });

/** What pages of the Temporal UI may send, and its CLI does. */
const headers = 'content-type, x-namespace, authorization, authorization-extras';

/** `POST /codec/decode` and `/codec/encode`: Temporal's remote codec, for its UI and CLI. */
export function addCodecRoutes(app: FastifyInstance, { codec, namespace, uiOrigins }: PayloadAccess): void {
  const onSend = async ({ headers: { origin = '' } }: FastifyRequest, reply: FastifyReply) => {
    void reply.header('vary', 'Origin').header('cache-control', 'no-store');
    if (!uiOrigins.has(origin)) return;
    void reply
      .header('access-control-allow-origin', origin)
      .header('access-control-allow-credentials', 'true')
      .header('access-control-allow-methods', 'POST')
      .header('access-control-allow-headers', headers);
  };
  for (const what of ['decode', 'encode'] as const) {
    app.options(`/codec/${what}`, { onSend }, (_request, reply) => reply.code(204).send());
    app.post(`/codec/${what}`, { onSend }, async (request) => {
      const body = parseRequest(codecBody, request.body);
      if ((request.headers['x-namespace'] ?? namespace) !== namespace) return body;
      const payloads = await codec[what](body.payloads.map(JSONToPayload));
      return { payloads: payloads.map(payloadToJSON) };
    });
  }
}

/** Whether a request comes from the Temporal UI, and asks what its pages may ask. */
export function isAskedByUi(uiOrigins: ReadonlySet<string>): (request: FastifyRequest) => boolean {
  return ({ headers: { origin = '' }, routeOptions: { url = '' } }) =>
    url.startsWith('/codec/') && uiOrigins.has(origin);
}
