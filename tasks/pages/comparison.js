(() => {
  const CHANGES = { gained: "only B", lost: "only A", edited: "in both, changed" };
  const AT_ONCE = 50;
  const rows = JSON.parse(document.getElementById("rows-data").textContent);
  const texts = rows.map((row) => row.join("\n").toLowerCase());
  const query = document.getElementById("query");
  const change = document.getElementById("change");
  const hits = document.getElementById("hits");
  const found = document.getElementById("found");
  const more = document.getElementById("more");
  let matching = [];

  function part(name, text) {
    const element = document.createElement("p");
    element.className = name;
    element.dir = "auto";
    element.textContent = text; // never markup: rows come from the corpus
    return element;
  }

  function item([kind, id, rank, source, reason, text]) {
    const element = document.createElement("li");
    element.className = kind;
    const place = rank === null ? "" : ` · rank ${rank}`;
    element.append(part("id mono", id), part("why", `${CHANGES[kind]}${place} · ${source} · ${reason}`));
    if (text) element.append(part("text", text));
    return element;
  }

  function show() {
    const shown = hits.children.length;
    hits.append(...matching.slice(shown, shown + AT_ONCE).map((at) => item(rows[at])));
    more.hidden = hits.children.length >= matching.length;
  }

  function search() {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    matching = [...rows.keys()].filter(
      (at) =>
        (!change.value || rows[at][0] === change.value) &&
        words.every((word) => texts[at].includes(word)),
    );
    found.textContent = `${matching.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
    hits.replaceChildren();
    show();
  }

  query.addEventListener("input", search);
  change.addEventListener("change", search);
  more.addEventListener("click", show);
  document.getElementById("finder").addEventListener("submit", (event) => event.preventDefault());
  const map = document.getElementById("figure-map");
  if (map) {
    map.on("plotly_click", ({ points: [point] }) => {
      query.value = point.customdata;
      change.value = "";
      search();
      document.getElementById("rows").scrollIntoView();
    });
  }
  search();
})();
