"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figure-data").textContent);
  const coarse = matchMedia("(pointer: coarse)").matches;

  // Put the page's own colours where a figure names a CSS variable.
  function coloured(node, style) {
    if (typeof node === "string") {
      const found = /^var\((--[a-z-]+)\)$/.exec(node);
      return found ? style.getPropertyValue(found[1]).trim() : node;
    }
    if (Array.isArray(node)) return node.map((item) => coloured(item, style));
    if (node === null || typeof node !== "object") return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, coloured(value, style)]),
    );
  }

  function draw() {
    const style = getComputedStyle(document.documentElement);
    for (const [name, figure] of Object.entries(figures)) {
      const place = document.getElementById("figure-" + name);
      if (!place) continue;
      const { data, layout } = coloured(figure, style);
      layout.hoverlabel = {
        ...layout.hoverlabel,
        bgcolor: style.getPropertyValue("--surface").trim(),
        bordercolor: style.getPropertyValue("--line-strong").trim(),
        font: { size: 12, color: style.getPropertyValue("--ink").trim() },
      };
      const isMap = place.dataset.zoom === "yes";
      if (isMap && place.clientWidth < 500) {
        for (const trace of data) trace.marker.size *= 0.75; // less overlap
      }
      const zoomable = isMap && !coarse; // on touch, a swipe scrolls the page
      if (zoomable) layout.dragmode = "zoom";
      Plotly.react(place, data, layout, {
        responsive: true,
        displaylogo: false,
        displayModeBar: zoomable ? "hover" : false,
        // An explicit list: Plotly's own has a button that sends the data to a server.
        modeBarButtons: [["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]],
        plotlyServerURL: "",
        showTips: false,
      });
    }
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
