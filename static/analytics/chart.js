// One chart: panels over one x axis with one crosshair and one zoom, a legend of buttons, flags that
// lead to what is marked, and what is seen as CSV or PNG. Needs uPlot, reader.js, chart-drawing.js.
"use strict";
const element = (tag, fields = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...children);
  return made;
};

class Chart {
  constructor(root, spec) {
    this.root = root;
    this.host = root.querySelector(".plots");
    this.note = root.querySelector("[data-note]");
    this.range = null; // what the reader zoomed to; null is everything
    this.plots = [];
    this.show(spec);
    new ResizeObserver(() => this.resize()).observe(this.host);
    this.host.addEventListener("keydown", (event) => this.key(event));
  }

  // ------------------------------------------------------------------------------- what is shown
  show(spec) {
    const shape = JSON.stringify(spec.panels.map((p) => p.lines.map((l) => [l.column, l.kind]).concat(p.height)));
    this.spec = spec;
    this.data = Drawing.joined(spec);
    if (shape === this.shape) {
      this.plots.forEach((plot, n) => plot.setData(this.columns(n), false));
    } else {
      this.shape = shape;
      this.plots.forEach((plot) => plot.destroy());
      this.host.replaceChildren();
      this.legends = [];
      this.plots = spec.panels.map((panel, n) => this.panel(n, n === spec.panels.length - 1));
    }
    this.scale(...(this.range ?? this.extent()));
    spec.panels.forEach((_, n) => this.strips(n));
    this.tell(null);
    this.table();
  }

  columns(n) { return [this.data.x, ...this.spec.panels[n].lines.map((line) => this.data.columns.get(line.column))]; }

  extent() { return this.spec.extent ?? [this.data.x[0], this.data.x[this.data.x.length - 1]]; }

  panel(n, last) {
    const panel = this.spec.panels[n];
    this.legends.push(this.legend(n));
    const head = element("div", { className: "panel-head" }, element("strong", { textContent: panel.title }), this.legends[n].root);
    const body = element("div", { className: "panel-body" });
    this.host.append(head, body);
    const now = () => this.spec.panels[n];
    const options = {
      width: this.host.clientWidth || 600, height: panel.height, legend: { show: false }, padding: [8, 18, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), Reader.zone),
      scales: { x: { time: this.spec.time }, y: { range: (u, low, high) => Drawing.range(now())(u, low, high) } },
      axes: Drawing.axes(this.spec, last), bands: Drawing.bands(panel),
      series: [{}, ...panel.lines.map((line) => Drawing.series(line, panel))],
      cursor: { y: false, sync: { key: this.root.id, setSeries: false, scales: ["x", null] }, drag: { x: true, y: false, setScale: false },
        dataIdx: (u, place, at) => (place === 0 ? at : Drawing.nearest(u, place, at)),
        points: { show: (u, place) => { if (now().lines[place - 1].width === 0) return undefined; return element("div"); } } },
      hooks: {
        drawClear: [(u) => Drawing.under(u, now())],
        draw: [(u) => { Drawing.over(u, now()); this.flags(u, now()); }],
        setCursor: [(u) => { this.values(u, n); if (n === 0) this.tell(u); }],
        setSelect: [(u) => this.selected(u)],
      },
    };
    const plot = new uPlot(options, this.columns(n), body);
    plot.root.querySelector("canvas").setAttribute("role", "img");
    plot.root.querySelector("canvas").setAttribute("aria-label", `${this.spec.title}: ${panel.title}`);
    plot.over.addEventListener("dblclick", () => this.all());
    plot.over.addEventListener("wheel", (event) => this.wheel(plot, event), { passive: false });
    return plot;
  }

  // A button per line or band that has a name: it switches it, and shows its value at the crosshair.
  legend(n) {
    const panel = this.spec.panels[n];
    const entries = [
      ...panel.lines.filter((l) => l.label).map((l) => ({ ...l, columns: [l.column] })),
      ...panel.bands.filter((b) => b.label).map((b) => ({ ...b, kind: "band", columns: [b.low, b.high] })),
    ].map((entry) => {
      const value = element("span", { className: "value" });
      const swatch = element("i", { className: `swatch ${entry.kind}` });
      swatch.style.setProperty("--swatch", `var(${entry.color})`);
      swatch.style.setProperty("--dense", 4 * (entry.alpha ?? 1));
      const button = element("button", { type: "button" }, swatch, `${entry.label} `, value);
      button.setAttribute("aria-pressed", String(!entry.hidden));
      button.addEventListener("click", () => this.toggle(n, entry, button));
      return { ...entry, button, value };
    });
    const root = element("div", { className: "legend" }, ...entries.map((e) => e.button), element("span", { className: "strips" }));
    return { entries, root };
  }

  // What the colours of the strips mean: a name once, in the order of time.
  strips(n) {
    const names = this.spec.panels[n].strips.map((strip) => {
      const seen = new Map(strip.parts.map((part) => [part.label, part.color]));
      return element("span", {}, `${strip.label}: `, ...[...seen].map(([label, color]) => {
        const swatch = element("i", { className: "swatch part" });
        swatch.style.setProperty("--swatch", `var(${color})`);
        return element("span", { className: "part" }, swatch, label);
      }));
    });
    this.legends[n].root.querySelector(".strips").replaceChildren(...names);
  }

  toggle(n, entry, button) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    this.spec.panels[n].lines.forEach((line, place) => {
      if (entry.columns.includes(line.column)) this.plots[n].setSeries(place + 1, { show: shown });
    });
  }

  // Flags over the plot: links, so that they can be reached by keyboard too. Near ones are one.
  flags(u, panel) {
    const seen = panel.marks.filter((m) => m.href && m.end >= u.scales.x.min && m.start <= u.scales.x.max);
    const groups = [];
    for (const mark of seen) {
      const at = u.valToPos(Math.max(mark.start, u.scales.x.min), "x");
      const last = groups[groups.length - 1];
      if (last && at - last.at < 26) last.marks.push(mark);
      else groups.push({ at, marks: [mark] });
    }
    const links = groups.map(({ at, marks }) => {
      const worst = marks.find((m) => m.color === "--bad") ?? marks[0];
      const text = marks.map((m) => m.label).join("\n");
      const link = element("a", { className: "flag", href: worst.href, title: text });
      link.dataset.count = marks.length > 1 ? marks.length : "!";
      link.setAttribute("aria-label", text);
      link.style.left = `${Math.max(0, Math.min(at - 12, u.over.clientWidth - 24))}px`;
      link.style.setProperty("--swatch", `var(${worst.color})`);
      return link;
    });
    const same = links.map((l) => l.href + l.style.left).join();
    if (u.over.dataset.flags === same) return;
    u.over.dataset.flags = same;
    const focused = document.activeElement?.closest?.(".flag") && u.over.contains(document.activeElement) ? document.activeElement.href : null;
    u.over.querySelectorAll(".flag").forEach((old) => old.remove());
    u.over.append(...links);
    if (focused) links.find((l) => l.href === focused)?.focus();
  }

  // ------------------------------------------------------------------------- what the cursor says
  values(u, n) {
    const panel = this.spec.panels[n];
    const at = u.cursor.left >= 0 ? u.cursor.idx : null;
    for (const entry of this.legends[n].entries) {
      const texts = entry.columns.map((name) => {
        const place = panel.lines.findIndex((l) => l.column === name) + 1;
        const row = at === null || at === undefined ? null : Drawing.nearest(u, place, at);
        return row === null ? "" : Reader.number(u.data[place][row], panel.digits);
      });
      entry.value.textContent = texts.some((t) => !t) ? "" : texts.join(" – ");
    }
  }

  tell(u) {
    if (!this.note) return;
    const name = (x) => (this.spec.time ? Reader.moment(x) : `${Reader.number(x, 0)} ${this.spec.unit}`.trim());
    if (!u || u.cursor.left < 0 || u.cursor.idx === null || u.cursor.idx === undefined) {
      const [first, last] = this.spec.time ? this.seen() : [Math.ceil(this.seen()[0]), Math.floor(this.seen()[1])];
      this.note.textContent = `${name(first)} – ${name(last)}${this.spec.time ? ` (${Reader.zone})` : ""}`;
      return;
    }
    const x = u.posToVal(u.cursor.left, "x");
    const slack = (u.scales.x.max - u.scales.x.min) / u.over.clientWidth * 4;
    const found = (parts, wide) => parts.find((p) => x >= p.start - wide && x <= p.end + wide)?.label;
    const said = this.spec.panels.flatMap((p) => [found(p.marks, slack),
      ...p.strips.map((s) => { const part = found(s.parts, 0); return part && `${s.label}: ${part}`; })]);
    this.note.textContent = [name(u.data[0][u.cursor.idx]), ...said.filter(Boolean)].join(" · ");
  }

  table() {
    const table = this.root.querySelector("[data-figures]");
    if (!table || this.told === undefined) { this.told = this.spec; return; } // the page brought it
    const cell = (text, place) => (place ? element("td", { className: "n", textContent: text })
      : element("th", { scope: "row", textContent: text }));
    table.tBodies[0].replaceChildren(...this.spec.figures.rows.map((row) => element("tr", {}, ...row.map(cell))));
    this.root.querySelector("[data-figures-note]").textContent = this.spec.figures.note;
    this.root.querySelector("[data-summary]").textContent = this.spec.summary;
  }

  // ------------------------------------------------------------------------------- zoom and pan
  seen() { return this.range ?? this.extent(); }

  // A single moment has room to both sides: nearly half a day, or one epoch.
  scale(first, last) {
    const room = first < last ? 0 : this.spec.time ? 39600 : 1;
    for (const plot of this.plots) plot.setScale("x", { min: first - room, max: last + room });
  }

  zoom(min, max) {
    const [first, last] = this.extent();
    const least = this.spec.time ? 600 : 2;
    if (max - min < least) { const middle = (min + max) / 2; min = middle - least / 2; max = middle + least / 2; }
    if (max - min >= last - first) { this.all(); return; }
    const shift = Math.max(0, first - min) - Math.max(0, max - last);
    this.moved([min + shift, max + shift]);
  }

  all() { this.moved(null); }

  moved(range) {
    this.range = range;
    this.scale(...this.seen());
    this.tell(null);
    this.root.dispatchEvent(new CustomEvent("chart:moved"));
  }

  by(factor) {
    const [min, max] = this.seen();
    const half = (max - min) * factor / 2;
    this.zoom((min + max) / 2 - half, (min + max) / 2 + half);
  }

  pan(share) {
    const [min, max] = this.seen();
    this.zoom(min + share * (max - min), max + share * (max - min));
  }

  selected(u) {
    const { left, width } = u.select;
    if (width >= 8) this.zoom(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
    if (width) u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  wheel(plot, event) {
    if (!event.ctrlKey && !event.shiftKey) return; // plain scrolling stays the page's
    event.preventDefault();
    if (event.shiftKey) { this.pan(Math.sign(event.deltaY || event.deltaX) * 0.15); return; }
    const [min, max] = this.seen();
    const at = plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x");
    const factor = event.deltaY < 0 ? 0.75 : 4 / 3;
    this.zoom(at - (at - min) * factor, at + (max - at) * factor);
  }

  key(event) {
    if (event.target !== this.host || event.ctrlKey || event.metaKey || event.altKey) return;
    const done = { ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2), "+": () => this.by(0.5),
      "=": () => this.by(0.5), "-": () => this.by(2), Home: () => this.all() }[event.key];
    if (!done) return;
    event.preventDefault();
    done();
  }

  resize() {
    const width = this.host.clientWidth;
    for (const plot of this.plots) if (width && plot.width !== width) plot.setSize({ width, height: plot.height });
  }

  redraw() { for (const plot of this.plots) plot.redraw(false, true); }

  // -------------------------------------------------------------------------------- what is seen
  csv() {
    const [min, max] = this.seen();
    const columns = this.plots.flatMap((plot, n) => this.spec.panels[n].lines
      .map((line, place) => ({ name: line.label || line.column, shown: plot.series[place + 1].show, values: plot.data[place + 1] }))
      .filter((column) => column.shown));
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const rows = [[this.spec.time ? "timestamp" : "x", ...columns.map((c) => quoted(c.name))]];
    this.data.x.forEach((x, i) => {
      if (x < min || x > max || columns.every((c) => c.values[i] === null || c.values[i] === undefined)) return;
      rows.push([this.spec.time ? new Date(x * 1000).toISOString() : x, ...columns.map((c) => c.values[i] ?? "")]);
    });
    return `${rows.map((row) => row.join(",")).join("\r\n")}\r\n`;
  }

  png() {
    const head = 26 * devicePixelRatio;
    const canvases = this.plots.map((plot) => plot.ctx.canvas);
    const sheet = element("canvas", { width: Math.max(...canvases.map((c) => c.width)),
      height: canvases.reduce((sum, c) => sum + c.height + head, 0) });
    const pen = sheet.getContext("2d");
    pen.fillStyle = Drawing.color("--panel");
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.font = `${13 * devicePixelRatio}px system-ui, sans-serif`;
    canvases.reduce((top, canvas, n) => {
      const panel = this.spec.panels[n];
      let left = 8 * devicePixelRatio;
      const write = (text, name) => {
        pen.fillStyle = Drawing.color(name);
        pen.fillText(text, left, top + 0.7 * head);
        left += pen.measureText(text).width + 14 * devicePixelRatio;
      };
      write([n ? "" : this.spec.title, panel.title].filter(Boolean).join(" · "), "--ink");
      for (const entry of this.legends[n].entries) if (entry.button.getAttribute("aria-pressed") === "true") write(`■ ${entry.label}`, entry.color);
      pen.drawImage(canvas, 0, top + head);
      return top + head + canvas.height;
    }, 0);
    return new Promise((resolve) => { sheet.toBlob(resolve, "image/png"); });
  }
}
