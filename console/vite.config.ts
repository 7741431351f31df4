import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Where `npm run dev` finds a running admin listener.
const admin = "http://127.0.0.1:8081";

export default defineConfig({
  // The files are served below /console/, and nothing names another place.
  base: "/console/",
  plugins: [react()],
  server: { proxy: { "/admin": admin } },
  build: {
    target: ["chrome123", "edge123", "firefox121", "safari17.5"],
    // The Content-Security-Policy allows no script and no font that is not a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What is shipped with others' code ships their notices, too.
    license: { fileName: "licences.txt" },
  },
});
