// Builds the pages' scripts and style: node build.mjs DIRECTORY (dist, if none is given).
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const directory = process.argv[2] ?? "dist";
await rm(directory, { recursive: true, force: true });

const pages = (await readdir("src/pages")).sort().map((name) => `src/pages/${name}`);
const { metafile } = await build({
  entryPoints: [...pages, "src/style.css"],
  entryNames: "[name]",
  outdir: directory,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox115", "safari16.4"],
  legalComments: "none", // they are in licenses.txt
  charset: "utf8",
  metafile: true,
});

// What comes from others asks that its licence goes with it.
const theirs = new Set();
for (const file of Object.keys(metafile.inputs)) {
  const name = file.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
  if (name) theirs.add(name);
}
let licenses = "";
for (const name of [...theirs].sort()) {
  const folder = `node_modules/${name}`;
  const { version } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} comes without its licence`);
  licenses += `${name} ${version}\n\n${(await readFile(`${folder}/${file}`, "utf8")).trim()}\n\n\n`;
}
await writeFile(`${directory}/licenses.txt`, licenses.trimEnd().concat("\n"));
