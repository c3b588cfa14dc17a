document.getElementById("figure-map").on("plotly_click", ({ points: [point] }) => {
  location.href = "lineage.html#row=" + encodeURIComponent(point.customdata);
});
