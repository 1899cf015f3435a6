import { defineConfig } from "vitest/config";

/** Where a session answers while the page is being worked on: `npm run dev` passes its calls on to it. */
const session = process.env["ALGOTRADER_SESSION"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  build: {
    outDir: "../src/algotrader/server/page",
    emptyOutDir: true,
    target: "es2022",
    // The server's policy forbids what is written into the page itself, so nothing may be made into a data address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": session, "/health": session, "/metrics": session, "/ws": { target: session, ws: true } },
  },
  test: { include: ["tests/**/*.test.{ts,tsx}"] },
});
