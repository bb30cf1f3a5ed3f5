// The overview: the small line of each market (uPlot without its tools), and what htmx is told: no
// swap where nothing changed, a word where the server does not answer.
"use strict";
(() => {
  const shown = document.getElementById("shown");
  const offline = document.getElementById("offline");

  const draw = (root = document) => {
    for (const host of root.querySelectorAll("[data-spark]")) {
      const points = JSON.parse(host.dataset.spark);
      host.replaceChildren();
      if (points.length < 2) continue;
      const old = host.closest(".old") !== null;
      const paint = () => Drawing.color(old ? "--soft" : "--line");
      const hidden = { show: false };
      const plot = new uPlot({
        width: host.clientWidth || 120, height: host.clientHeight || 30, padding: [3, 2, 3, 2], legend: hidden, cursor: hidden, select: hidden,
        scales: { x: { time: true }, y: { range: (u, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) } },
        axes: [hidden, hidden], series: [{}, { stroke: paint, width: 1.5, points: hidden }],
      }, [points.map((p) => p[0]), points.map((p) => p[1])], host);
      plot.root.setAttribute("aria-hidden", "true");
    }
    shown.dataset.drawn = "true";
  };

  const repaint = () => { Drawing.forget(); draw(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  addEventListener("resize", repaint);
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  document.body.addEventListener("htmx:configRequest", (event) => { event.detail.headers["X-State"] = shown.dataset.state; });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const answer = event.detail.xhr;
    offline.hidden = answer.status >= 200 && answer.status < 400;
    shown.classList.toggle("unsure", !offline.hidden);
    const state = answer.getResponseHeader("X-State");
    if (state) shown.dataset.state = state;
  });
  document.body.addEventListener("htmx:afterSwap", () => draw());
  Painted.then(() => draw());
})();
