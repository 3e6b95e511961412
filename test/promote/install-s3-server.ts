import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../infra/environment.ts';
import { s3Server, s3ServerDirectory } from './s3-server.ts';

/** The first half of `npm run test:s3`: an S3 server built with Go, once; it takes some minutes. */
if (!existsSync(s3Server)) {
  mkdirSync(s3ServerDirectory, { recursive: true });
  const build = ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', s3Server];
  execFileSync('go', [...build, 'github.com/versity/versitygw/cmd/versitygw'], {
    cwd: fileURLToPath(new URL('../../../test/promote/s3-server/', import.meta.url)),
    env: childEnvironment({ CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }),
    stdio: 'inherit',
  });
}
