"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const label = () => { button.textContent = now() === "dark" ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = now() === "dark" ? "light" : "dark";
    label();
  });
  dark.addEventListener("change", label);
  label();

  const list = document.getElementById("answer-list");
  if (!list) return;
  const filters = ["verdict", "set", "file", "category", "cause"];
  const field = (id) => document.getElementById(id);
  const items = Array.from(list.children).map((node) => ({
    node,
    text: node.textContent.toLowerCase(),
    verdict: [node.dataset.verdict],
    set: [node.dataset.set],
    file: node.dataset.file.split("|"),
    category: [node.dataset.category],
    cause: [node.dataset.cause],
  }));
  const apply = () => {
    const words = field("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = filters.map((name) => [name, field(name).value]);
    let shown = 0;
    for (const item of items) {
      const fits = wanted.every(([name, value]) => !value || item[name].includes(value))
        && words.every((word) => item.text.includes(word));
      item.node.hidden = !fits;
      if (fits) shown += 1;
    }
    field("count").textContent = `${shown} of ${items.length}`;
    field("nothing").hidden = shown > 0;
  };
  for (const id of ["search", ...filters]) {
    field(id).addEventListener("input", apply);
  }
  field("open").addEventListener("click", () => {
    const visible = items.filter((item) => !item.node.hidden);
    const open = visible.some((item) => !item.node.open);
    for (const item of visible) item.node.open = open;
  });
  apply();
})();
