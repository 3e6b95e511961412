import { fileURLToPath } from 'node:url';
import { Client, type ConnectionLike } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { createPayloadCodec } from '../src/payload/codec.ts';
import type { PayloadKey } from '../src/payload/keys.ts';

/** What encodes failures where there are payload keys. */
export const failureConverterPath = fileURLToPath(new URL('./failure-converter.js', import.meta.url));

/** How every client and worker here writes and reads what Temporal stores. Without keys it writes in the clear. */
export function makeDataConverter(keys: readonly PayloadKey[] = []): DataConverter {
  return {
    payloadCodecs: [createPayloadCodec(keys)],
    ...(keys.length === 0 ? {} : { failureConverterPath }),
  };
}

/** The one way to a Temporal client: of a namespace, over a connection, with the payload keys of the environment. */
export function makeClient(
  connection: ConnectionLike,
  { namespace, payloadKeys }: { namespace: string; payloadKeys?: readonly PayloadKey[] },
): Client {
  return new Client({ connection, namespace, dataConverter: makeDataConverter(payloadKeys) });
}
