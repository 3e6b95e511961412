import { fileURLToPath } from 'node:url';

const venv = new URL('../../../../node_modules/.cache/relearn-label-studio', import.meta.url);
export const labelStudioVenv = fileURLToPath(venv);
export const labelStudioPython = `${labelStudioVenv}/bin/python`;
export const labelStudioProgram = `${labelStudioVenv}/bin/label-studio`;
