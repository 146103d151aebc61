import { globSync } from "node:fs";
import { defineConfig } from "vite";

// A page is a folder with an index.html: adding one adds its folder and nothing here.
const pages = globSync("*/index.html", { cwd: import.meta.dirname });

export default defineConfig({
  base: "/static/",
  logLevel: "warn",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    // Our own origin serves every byte; nothing is worth a data: address that the content policy would have to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // GraphiQL's editor is one large library, loaded after the page itself.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: pages,
      // "use client" in a library addresses server frameworks; that the bundler drops it is no news.
      onLog(level, log, report) {
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") {
          report(level, log);
        }
      },
    },
  },
  worker: { format: "es" },
  // `npm run dev` shows the pages against a gateway that runs beside it.
  server: { proxy: { "/graphql": { target: "http://127.0.0.1:8000", ws: true } } },
});
