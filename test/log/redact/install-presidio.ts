import { execFileSync } from 'node:child_process';
import { presidioPython, presidioVenv } from './presidio-python.ts';

/** The first half of `npm run test:presidio`: the package from PyPI in an environment of its own. */
execFileSync('python3', ['-m', 'venv', presidioVenv], { stdio: 'inherit' });
execFileSync(presidioPython, ['-m', 'pip', 'install', '--quiet', 'presidio-analyzer==2.2.*'], { stdio: 'inherit' });
