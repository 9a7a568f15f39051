// The reference, and the description of the API, find entries while one types.

const filter = document.querySelector("#filter") as HTMLInputElement;
const found = document.querySelector("#found") as HTMLElement;

const entries = [...document.querySelectorAll<HTMLElement>("section.entry")].map((section) => ({
  section,
  link: document.querySelector(`.contents a[href="#${section.id}"]`)?.parentElement,
  text: (section.textContent ?? "").toLowerCase(),
}));
const groups = [...document.querySelectorAll<HTMLElement>(".chapters > section")];

function show(): void {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { section, link, text } of entries) {
    const fits = words.every((word) => text.includes(word));
    section.hidden = !fits;
    if (link) link.hidden = !fits;
    if (fits) shown++;
  }
  for (const group of groups) group.hidden = !group.querySelector("section.entry:not([hidden])");
  for (const list of document.querySelectorAll<HTMLElement>(".contents ul")) {
    list.hidden = !list.querySelector("li:not([hidden])");
    (list.previousElementSibling as HTMLElement).hidden = list.hidden;
  }
  document.body.classList.toggle("finding", words.length > 0);
  found.textContent = words.length > 0 ? `${shown} found` : "";
}

filter.addEventListener("input", show);
filter.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  filter.value = "";
  show();
});
(document.querySelector("#find") as HTMLElement).hidden = false;

const server = document.querySelector("#origin");
if (server) server.textContent = location.origin;

// Who follows a link to an entry that is not shown now wants to see it.
addEventListener("hashchange", () => {
  if (!document.querySelector(`${location.hash || "#content"}[hidden]`)) return;
  filter.value = "";
  show();
  document.querySelector(location.hash)?.scrollIntoView();
});
