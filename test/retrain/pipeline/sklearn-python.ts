import { join } from 'node:path';
import { readEnvironment } from '../../../infra/environment.ts';

export const sklearnPackages = ['scikit-learn', 'skl2onnx'];
export const sklearnPython = join(readEnvironment().cacheDirectory, 'bench', 'sklearn', 'bin', 'python');
