// Whether everything that a package ships to browsers is under a licence that asks for no more than its notice. Tools that only build are not looked at.
//   node licences.mjs FOLDER
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PERMISSIVE = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"]);

const { packages } = JSON.parse(readFileSync(join(process.argv[2], "package-lock.json"), "utf8"));
const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== "" && !dev);
const others = shipped.filter(([, { license }]) => !PERMISSIVE.has(license));

for (const [path, { version, license }] of others) console.error(`${path} ${version}: ${license ?? "no licence"}`);
if (others.length > 0) process.exit(1);
console.log(`licences ok: ${shipped.length} packages are shipped`);
