import { fileURLToPath } from 'node:url';

export const openaiVenv = fileURLToPath(new URL('../../../node_modules/.cache/relearn-openai', import.meta.url));
export const openaiPython = `${openaiVenv}/bin/python`;
