import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

const folder = fileURLToPath(new URL('../../dist/console', import.meta.url));

/** Writes each file beside itself as `.gz` and `.br`, which the server sends to who takes them. */
const compress = {
  name: 'compress',
  async writeBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      const content = file.type === 'chunk' ? file.code : file.source;
      await writeFile(join(folder, `${file.fileName}.gz`), gzipSync(content, { level: 9 }));
      await writeFile(join(folder, `${file.fileName}.br`), brotliCompressSync(content));
    }
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  esbuild: { jsx: 'automatic' },
  plugins: [compress],
  build: {
    outDir: folder,
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy takes files only
  },
});
