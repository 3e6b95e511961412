import { DefaultFailureConverter } from '@temporalio/common';

/** Messages and stack traces of failures go through the payload codec, as everything else: they may repeat ids and reasons. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
