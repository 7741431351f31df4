// Lays a .gz beside every text file in dist/: the binary takes both in, and sends the smaller one to who understands it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const dist = new URL("dist/", import.meta.url).pathname;

for (const name of readdirSync(dist, { recursive: true })) {
  if (/\.(js|css|html|svg)$/.test(name)) {
    const file = join(dist, name);
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  }
}
