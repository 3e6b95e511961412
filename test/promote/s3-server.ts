import { join } from 'node:path';
import { readEnvironment } from '../../infra/environment.ts';

const version = '1.8.0';

/** Where `npm run test:s3` leaves versitygw, an S3 server that keeps objects in a folder. */
export const s3ServerDirectory = join(readEnvironment().cacheDirectory, `versitygw-${version}`);
export const s3Server = join(s3ServerDirectory, 'versitygw');
