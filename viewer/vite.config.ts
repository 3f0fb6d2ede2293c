import { defineConfig } from "vite";

// The page is read by hospitals' auditors and compared with a fresh build by a test: plain names, nothing minified.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/mdfnet/services/serve/page",
    emptyOutDir: true,
    target: "es2022",
    minify: false,
    cssMinify: false,
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: {
      output: {
        entryFileNames: "viewer.js",
        chunkFileNames: "[name].js",
        assetFileNames: (asset) => (asset.names[0]?.endsWith(".css") ? "viewer.css" : "[name][extname]"),
      },
    },
  },
});
