import { join } from 'node:path';
import { cacheFolder } from '../../../bench/peers/python.ts';

export const sklearnPackages = ['scikit-learn', 'skl2onnx'];
export const sklearnPython = join(cacheFolder('sklearn'), 'bin', 'python');
