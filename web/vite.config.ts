import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';

import { defineConfig, type Plugin } from 'vite';

/* Where `npm run dev` finds a running porthole. */
const server = process.env['PORTHOLE_URL'] ?? 'http://localhost:8080';

/* The binary answers /watch/<session> with watch.html, and /publish with publish.html; the development server does the same. */
const pagePaths: Plugin = {
  name: 'page-paths',
  configureServer(dev) {
    dev.middlewares.use((request, _response, next) => {
      if (request.url?.startsWith('/watch/')) request.url = '/watch.html';
      else request.url = (request.url ?? '').replace(/^\/(publish|recordings)\/?(?=\?|$)/, '/$1.html');
      next();
    });
  },
};

/* What the pages have in common stands once: `<!-- include name content -->` becomes partials/name.html, the content in its
 * place there. */
const partials: Plugin = {
  name: 'partials',
  transformIndexHtml: {
    order: 'pre',
    handler: (html) =>
      html.replace(/<!-- include (\w+) ?(.*?) ?-->\n?/g, (_all, name: string, content: string) =>
        readFileSync(path.resolve('partials', `${name}.html`), 'utf8').replace('{{content}}', () => content)),
  },
};

/* Compresses once what the binary serves thousands of times: `x.gz` beside `x` is sent to who accepts gzip. */
const compressedTwins: Plugin = {
  name: 'compressed-twins',
  apply: 'build',
  async closeBundle() {
    const folder = path.resolve('dist');
    const entries = await readdir(folder, { recursive: true });
    for (const entry of entries.filter((name) => /\.(js|css|html|svg)$/.test(name))) {
      const file = path.join(folder, entry);
      await writeFile(`${file}.gz`, await promisify(gzip)(await readFile(file), { level: constants.Z_BEST_COMPRESSION }));
    }
  },
};

export default defineConfig({
  appType: 'mpa',
  plugins: [pagePaths, partials, compressedTwins],
  build: {
    target: ['es2021', 'chrome100', 'firefox100', 'safari15'],
    rollupOptions: {
      input: ['index.html', 'watch.html', 'publish.html', 'recordings.html'],
      /* Parts that change less often than the pages keep their cached copies. */
      output: {
        manualChunks: (id) => {
          if (id.includes('node_modules/hls.js/')) return 'hls';
          if (/media-chrome\/.*media-(time-|preview-|seek-|playback-rate)/.test(id)) return 'seeking';
          if (id.includes('node_modules/media-chrome/')) return 'controls';
          if (/src\/(player|styles\/player)/.test(id)) return 'player';
          return /src\/(api|lib|styles\/(tokens|base|cards|forms))/.test(id) ? 'common' : null;
        },
      },
    },
    /* Nothing inline: the pages live under a Content-Security-Policy without data: scripts and styles. */
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  server: {
    proxy: { '/api': server, '/live': server, '/vod': server, '/whip': server },
  },
});
