// Brings the charts of a page to life: those that are there, those that htmx brings, their tools,
// ranges and colours; and keeps those with an address fresh and as fine as the zoom asks for.
"use strict";
const Charts = (() => {
  const POLL = 15000;
  const known = new Map();

  function start(root = document) {
    for (const element of root.querySelectorAll("[data-chart]")) {
      const block = document.getElementById(element.dataset.chart);
      if (known.has(element) || !block) continue;
      const chart = new Chart(element, JSON.parse(block.textContent));
      known.set(element, chart);
      if (element.dataset.url) follow(chart);
      element.dataset.drawn = "true";
    }
  }

  // ---------------------------------------------------------------------------- new and finer data
  function follow(chart) {
    let last = ""; // what was asked last
    let etag = "";
    let part = false; // whether what is shown is a part of its range
    let waiting = 0;
    const ask = async () => {
      const address = new URL(chart.root.dataset.url, window.location);
      if (chart.range && (chart.spec.thinned || part)) {
        address.searchParams.set("from", Math.floor(chart.range[0]));
        address.searchParams.set("until", Math.ceil(chart.range[1]));
      }
      const headers = { "X-Requested-With": "fetch" };
      if (address.href === last && etag) headers["If-None-Match"] = etag;
      try {
        const answer = await fetch(address, { headers, cache: "no-store" });
        chart.root.classList.toggle("stale", !answer.ok && answer.status !== 304);
        if (answer.status !== 200) return;
        const spec = await answer.json();
        last = address.href;
        part = address.searchParams.has("from");
        etag = answer.headers.get("ETag") ?? "";
        if (spec.panels) chart.show(spec);
      } catch { chart.root.classList.add("stale"); /* the server is restarting; the next round tries again */ }
    };
    chart.root.addEventListener("chart:moved", () => {
      window.clearTimeout(waiting);
      waiting = window.setTimeout(ask, 150);
    });
    window.setInterval(() => { if (!document.hidden) ask(); }, POLL);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
    chart.refresh = ask;
  }

  async function choose(link) {
    const nav = link.closest("[data-ranges]");
    const chart = known.get(document.getElementById(nav.dataset.ranges));
    const address = new URL(chart.root.dataset.url, window.location);
    address.searchParams.set("range", link.dataset.range);
    chart.root.dataset.url = address.pathname + address.search;
    chart.range = null;
    for (const other of nav.querySelectorAll("[data-range]")) other.toggleAttribute("aria-current", other === link);
    link.setAttribute("aria-current", "true");
    window.history.replaceState(null, "", link.href);
    await chart.refresh();
  }

  // ------------------------------------------------------------------------------------- tools
  function save(name, blob) {
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  const TOOLS = {
    back: (chart) => chart.pan(-0.25), on: (chart) => chart.pan(0.25), in: (chart) => chart.by(0.5),
    out: (chart) => chart.by(2), all: (chart) => chart.all(),
    csv: (chart) => save(`${file(chart)}.csv`, new Blob([chart.csv()], { type: "text/csv" })),
    png: async (chart) => save(`${file(chart)}.png`, await chart.png()),
  };
  const file = (chart) => chart.spec.title.replace(/[^\p{L}\p{N}.@_-]+/gu, "-").replace(/^-|-$/g, "") || "chart";

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tool]");
    const chart = button && known.get(button.closest("[data-chart]"));
    if (chart) TOOLS[button.dataset.tool](chart);
    const link = event.target.closest("[data-ranges] [data-range]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); choose(link); }
  });

  // The colours are the page's: a change of scheme, by the system or by a switch, draws anew.
  const repaint = () => { Drawing.forget(); known.forEach((chart) => chart.redraw()); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  Painted.then(() => start());
  document.addEventListener("htmx:afterSwap", (event) => start(event.target));
  return { of: (root) => known.get(root), start };
})();
