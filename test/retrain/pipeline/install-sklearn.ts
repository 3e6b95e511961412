import { installPackages } from '../../../bench/peers/python.ts';
import { sklearnPackages } from './sklearn-python.ts';

/** The first half of `npm run test:sklearn`: the packages from PyPI, in the environment that the benchmarks have too. */
await installPackages('sklearn', sklearnPackages);
