import { execFileSync } from 'node:child_process';
import { labelStudioPython, labelStudioVenv } from './label-studio-program.ts';

/** The first half of `npm run test:label-studio`: the package from PyPI in an environment of its own. */
execFileSync('python3', ['-m', 'venv', labelStudioVenv], { stdio: 'inherit' });
execFileSync(labelStudioPython, ['-m', 'pip', 'install', '--quiet', 'label-studio==1.23.*'], { stdio: 'inherit' });
