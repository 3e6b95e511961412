import { join } from 'node:path';
import type { Config } from '../src/config.ts';

/** Where gateways and workers keep files they share, below `stateDir`. */
export function statePaths({ stateDir }: Pick<Config, 'stateDir'>): {
  artifacts: string;
  datasets: string;
  scratch: string;
  spool: string;
} {
  return {
    artifacts: join(stateDir, 'artifacts'),
    datasets: join(stateDir, 'datasets'),
    scratch: join(stateDir, 'scratch'),
    spool: join(stateDir, 'spool'),
  };
}
