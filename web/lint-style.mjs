// Checks that the style sheets leave each other's classes alone: they become one, which all pages have. A class is of the sheet whose selectors
// begin with it; those of base.css are for all.
import { readdir, readFile } from "node:fs/promises";

const sheets = (await readdir("src")).filter((name) => name.endsWith(".css") && name !== "style.css");
const owners = new Map();
for (const sheet of sheets.sort()) {
  const text = (await readFile(`src/${sheet}`, "utf8")).replaceAll(/\/\*.*?\*\//gs, "");
  for (const [, selectors] of text.matchAll(/([^{};]+)\{/g)) {
    for (const selector of selectors.split(",")) {
      const owned = selector.trim().match(/^\.([\w-]+)/)?.[1];
      if (owned) owners.set(owned, (owners.get(owned) ?? new Set()).add(sheet));
    }
  }
}
const shared = [...owners].filter(([, sheets]) => sheets.size > 1);
for (const [name, sheets] of shared) console.error(`.${name} begins selectors of ${[...sheets].join(" and ")}`);
process.exit(shared.length > 0 ? 1 : 0);
