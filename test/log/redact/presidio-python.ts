import { fileURLToPath } from 'node:url';

export const presidioVenv = fileURLToPath(new URL('../../../../node_modules/.cache/relearn-presidio', import.meta.url));
export const presidioPython = `${presidioVenv}/bin/python`;
