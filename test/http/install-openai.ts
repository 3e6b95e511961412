import { execFileSync } from 'node:child_process';
import { openaiPython, openaiVenv } from './openai-package.ts';

/** The first half of `npm run test:openai-python`: the package from PyPI in an environment of its own. */
execFileSync('python3', ['-m', 'venv', openaiVenv], { stdio: 'inherit' });
execFileSync(openaiPython, ['-m', 'pip', 'install', '--quiet', 'openai'], { stdio: 'inherit' });
