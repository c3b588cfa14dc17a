"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text; // corpus text enters here alone: never as HTML
    return node;
  };
  const KINDS = { k: "kept", d: "dropped", u: "duplicate", q: "quarantined" };
  const SHOWN = 50; // ids listed under the search field
  const REACH = 16; // pixels from a point within which a click means it

  // Data are deflated JSON in base64; inflated when they are asked for.
  async function inflate(id) {
    const bytes = Uint8Array.from(atob($(id).textContent), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  }

  const { ids, marks, chunk_rows: chunkRows, points } = await inflate("index");
  const places = new Map(ids.map((id, place) => [id, place]));
  const last = { number: -1, rows: null };
  async function recordsOf(place) {
    const number = Math.floor(place / chunkRows);
    if (last.number !== number) Object.assign(last, { number, rows: await inflate(`chunk-${number}`) });
    return last.rows[place % chunkRows];
  }

  // ---- the story
  function scores(lines, percentiles) {
    const box = make("div", "gauges");
    lines.forEach((line, place) => {
      const gauge = make("div", line.endsWith("breaks its rule") ? "gauge broken" : "gauge");
      const bar = make("i");
      const fill = make("b");
      fill.style.width = percentiles[place] + "%";
      bar.append(fill);
      bar.setAttribute("aria-hidden", "true");
      gauge.append(make("span", "line", line), bar);
      box.append(gauge);
    });
    return box;
  }

  function section(label, lines, percentiles) {
    if (label === "scores") return scores(lines, percentiles);
    const box = make(label === "text" ? "blockquote" : "div");
    box.append(...lines.map((line) => make("p", "line", line)));
    return box;
  }

  function record([verdict, head, sections, percentiles, related]) {
    const box = make("div", "record");
    box.append(make("p", "verdict head", head));
    const list = make("dl");
    for (const [label, lines] of sections) {
      const wide = label === "scores" || label === "text" ? "wide" : "";
      const value = make("dd", wide);
      value.dir = label === "text" ? "auto" : "ltr";
      value.append(section(label, lines, percentiles));
      list.append(make("dt", wide, label), value);
    }
    box.append(list);
    if (related.length) {
      const row = make("div", "onward");
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", "Rows of this story");
      for (const [id, what] of related) {
        const button = make("button", "", id);
        button.type = "button";
        button.append(" ", make("small", "", what));
        button.addEventListener("click", () => open(id));
        row.append(button);
      }
      list.append(make("dt", "wide", "go on to"), make("dd", "wide"));
      list.lastChild.append(row);
    }
    return box;
  }

  function step(words, place) {
    const button = make("button", "", words);
    button.type = "button";
    button.disabled = !(place in ids);
    button.addEventListener("click", () => open(ids[place]));
    return button;
  }

  let shown = -1;
  async function tell(id) {
    const place = places.get(id);
    const story = $("story");
    if (place === undefined) {
      $("found").textContent = `This page has no story of the row “${id}”; winnow why may know it.`;
      return;
    }
    const records = await recordsOf(place);
    shown = place;
    story.className = "card " + KINDS[marks[place]];
    const go = make("div", "go");
    go.append(step("← previous id", place - 1), step("next id →", place + 1));
    story.replaceChildren(make("h3", "", id), ...records.map(record), go);
    $("query").value = id;
    draw();
    story.focus({ preventScroll: true });
    if (story.getBoundingClientRect().top < 0 || story.getBoundingClientRect().top > innerHeight * 0.6) {
      story.scrollIntoView({ block: "start" });
    }
  }

  // The address names the row, so that a story can be linked to and the back button works.
  const asked = () => {
    const text = location.hash.slice(1);
    if (text.startsWith("row=")) return decodeURIComponent(text.slice(4));
    return null;
  };
  const follow = () => asked() !== null && tell(asked());
  function open(id) {
    close();
    const hash = "#row=" + encodeURIComponent(id);
    if (location.hash === hash) tell(id);
    else location.hash = hash;
  }
  addEventListener("hashchange", follow);

  // ---- the search
  const query = $("query");
  const hits = $("hits");
  let active = -1;

  function find(text) {
    if (!text) return [];
    const first = [];
    const then = [];
    for (let place = 0; place < ids.length; place++) {
      const at = ids[place].indexOf(text);
      if (at === 0) first.push(place);
      else if (at > 0) then.push(place);
    }
    const exact = places.get(text);
    return [...new Set([...(exact === undefined ? [] : [exact]), ...first, ...then])];
  }

  function close() {
    hits.hidden = true;
    active = -1;
    query.setAttribute("aria-expanded", "false");
    query.removeAttribute("aria-activedescendant");
  }

  function choose(place) {
    active = Math.max(-1, Math.min(place, hits.children.length - 1));
    [...hits.children].forEach((hit, at) => hit.setAttribute("aria-selected", String(at === active)));
    if (active < 0) return query.removeAttribute("aria-activedescendant");
    query.setAttribute("aria-activedescendant", hits.children[active].id);
    hits.children[active].scrollIntoView({ block: "nearest" });
  }

  function list() {
    const found = find(query.value.trim());
    hits.replaceChildren(
      ...found.slice(0, SHOWN).map((place, at) => {
        const hit = make("li");
        hit.id = `hit-${at}`;
        hit.setAttribute("role", "option");
        hit.append(make("span", "", ids[place]), make("small", "", KINDS[marks[place]]));
        hit.addEventListener("mousedown", (event) => event.preventDefault()); // keep the focus
        hit.addEventListener("click", () => open(ids[place]));
        return hit;
      }),
    );
    close();
    hits.hidden = found.length === 0;
    query.setAttribute("aria-expanded", String(found.length > 0));
    const count = found.length.toLocaleString("en");
    $("found").textContent = query.value.trim()
      ? `${count} ${found.length === 1 ? "id" : "ids"} found${found.length > SHOWN ? `, the first ${SHOWN} are listed` : ""}`
      : `${ids.length.toLocaleString("en")} ids`;
    return found;
  }

  query.addEventListener("input", list);
  query.addEventListener("blur", close);
  query.addEventListener("keydown", (event) => {
    const down = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") close();
    if (!down) return;
    event.preventDefault();
    if (hits.hidden && list().length === 0) return;
    choose(active + down);
  });
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = query.value.trim();
    if (active >= 0) return open(hits.children[active].firstChild.textContent);
    const found = list();
    if (found.length) open(ids[found[0]]);
    else $("found").textContent = `No row has the id “${text}”, and none contains it.`;
  });

  // ---- the map
  const map = $("map");
  const canvas = make("canvas");
  const ground = document.createElement("canvas"); // all points, drawn once
  map.append(canvas);
  let cursor = -1; // the point under the pointer or reached by arrow keys
  let seen = { width: 0, height: 0, ratio: 1 };
  const x = (at) => seen.width * (0.5 + 0.47 * (points.x[at] / 1000));
  const y = (at) => seen.height * (0.5 - 0.47 * (points.y[at] / 1000));

  function paint() {
    seen = { width: map.clientWidth, height: map.clientHeight, ratio: devicePixelRatio || 1 };
    for (const each of [canvas, ground]) {
      each.width = seen.width * seen.ratio;
      each.height = seen.height * seen.ratio;
    }
    const pen = ground.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const size = Math.max(1.2, 3.4 * Math.min(1, (1500 / points.at.length) ** 0.25));
    pen.scale(seen.ratio, seen.ratio);
    for (const kind of "duk") { // kept rows lie on top
      pen.fillStyle = pen.strokeStyle = style.getPropertyValue("--" + KINDS[kind]).trim();
      pen.globalAlpha = kind === "d" ? 0.6 : 0.95;
      pen.beginPath();
      for (let at = 0; at < points.at.length; at++) {
        if (points.marks[at] !== kind) continue;
        const [left, top] = [x(at), y(at)];
        if (kind === "d") pen.rect(left - size * 0.75, top - size * 0.75, size * 1.5, size * 1.5);
        else if (kind === "u") { pen.moveTo(left - size, top - size); pen.lineTo(left + size, top + size); pen.moveTo(left - size, top + size); pen.lineTo(left + size, top - size); }
        else { pen.moveTo(left, top - size * 1.3); pen.lineTo(left + size * 1.3, top); pen.lineTo(left, top + size * 1.3); pen.lineTo(left - size * 1.3, top); pen.closePath(); }
      }
      if (kind === "u") pen.stroke();
      else pen.fill();
    }
    draw();
  }

  function draw() {
    const pen = canvas.getContext("2d");
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (ground.width) pen.drawImage(ground, 0, 0);
    pen.scale(seen.ratio, seen.ratio);
    pen.strokeStyle = ink;
    for (const [at, radius, width] of [[points.at.indexOf(shown), 8, 2.5], [cursor, 6, 1.5]]) {
      if (at < 0) continue;
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(x(at), y(at), radius, 0, 2 * Math.PI);
      pen.stroke();
    }
    if (cursor >= 0) $("point").textContent = `${ids[points.at[cursor]]} · ${KINDS[points.marks[cursor]]}`;
  }

  // The point that costs least to reach; `cost` is null where a point is out of reach.
  function best(cost) {
    let [least, found] = [Infinity, -1];
    for (let at = 0; at < points.at.length; at++) {
      const value = cost(x(at), y(at), at);
      if (value !== null && value < least) [least, found] = [value, at];
    }
    return found;
  }

  function under(event) {
    const box = map.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    return best((px, py) => {
      const far = Math.hypot(px - left, py - top);
      return far <= REACH ? far : null;
    });
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function beside([dx, dy]) {
    if (cursor < 0) {
      const middle = [seen.width / 2, seen.height / 2];
      return best((px, py) => Math.hypot(px - middle[0], py - middle[1]));
    }
    const from = [x(cursor), y(cursor)];
    const found = best((px, py, at) => {
      const ahead = (px - from[0]) * dx + (py - from[1]) * dy;
      const aside = Math.abs((px - from[0]) * dy) + Math.abs((py - from[1]) * dx);
      return at !== cursor && ahead > 0.01 ? ahead + 2 * aside : null;
    });
    return found < 0 ? cursor : found;
  }

  map.addEventListener("pointermove", (event) => {
    const at = under(event);
    if (at === cursor || at < 0) return;
    cursor = at;
    draw();
  });
  map.addEventListener("click", (event) => {
    const at = under(event);
    if (at >= 0) open(ids[points.at[at]]);
  });
  map.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && cursor >= 0) return open(ids[points.at[cursor]]);
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    cursor = beside(ARROWS[event.key]);
    draw();
  });

  // ---- the chain of stages
  const arcs = document.querySelector(".arcs");
  const light = (stage) => {
    arcs.classList.toggle("some", stage !== null);
    for (const path of arcs.querySelectorAll("path")) {
      path.classList.toggle("lit", path.dataset.from === stage || path.dataset.to === stage);
    }
  };
  for (const line of document.querySelectorAll(".stages li")) {
    for (const event of ["mouseenter", "focus"]) line.addEventListener(event, () => light(line.dataset.stage));
    for (const event of ["mouseleave", "blur"]) line.addEventListener(event, () => light(null));
  }

  new ResizeObserver(paint).observe(map);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  list();
  close();
  document.documentElement.dataset.ready = "yes";
  follow();
})();
