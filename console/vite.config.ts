/**
 * Builds the console into console/dist: hashed names, relative addresses, nothing inline (the server's content
 * security policy forbids it) and nothing from elsewhere.
 *
 * `npx vite --config console/vite.config.ts` serves it while working on it, with the API of a running Millrace.
 */
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:7070', changeOrigin: true } } },
})
