// Charts. A figure with data-chart names a JSON block (or, by data-url, an address) that says what
// is drawn: {x, time, panels: [{title, unit, digits, series, bands, marks, rules}], strips, texts}.
// Panels share one time axis, one crosshair and one zoom. Needs uPlot and reader.js.
"use strict";
const Charts = (() => {
  const LEGEND_GAP = 8;
  const color = (name, alpha = 1) => {
    const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888";
    if (alpha === 1 || !/^#[0-9a-f]{6}$/i.test(value)) return value;
    return value + Math.round(alpha * 255).toString(16).padStart(2, "0");
  };

  const axes = (spec, panel, last) => {
    const soft = () => color("--soft");
    const common = { stroke: soft, grid: { stroke: () => color("--edge"), width: 1 }, ticks: { show: false } };
    const x = spec.time
      ? { ...common, space: 70, size: last ? 40 : 0, values: last
          ? (u, splits, i, space, step) => splits.map((s, n) => Reader.tick(s, step, n === 0)) : () => [] }
      : { ...common, size: last ? 30 : 0, values: last ? (u, s) => s.map((v) => Reader.number(v, 0)) : () => [] };
    const y = { ...common, size: 72, values: (u, splits) => splits.map((v) => Reader.number(v, panel.digits)) };
    return [x, y];
  };

  const STROKES = { line: [], dash: [6, 4], dots: [2, 3] };
  const seriesOf = (panel) => panel.series.map((s) => ({
    label: s.label, show: !s.hidden, spanGaps: Boolean(s.join), width: s.kind === "points" ? 0 : s.width || 1.5,
    stroke: () => color(s.color || "--line", s.alpha ?? 1), dash: STROKES[s.kind],
    fill: s.kind === "area" || s.kind === "bars" ? () => color(s.color || "--line", 0.25) : undefined,
    paths: s.kind === "bars" ? uPlot.paths.bars({ size: [0.8, 12] })
      : s.kind === "step" ? uPlot.paths.stepped({ align: 1 }) : s.kind === "points" ? () => null : undefined,
    points: { show: s.kind === "points", size: 5, fill: () => color(s.color || "--line") },
    value: (u, v) => Reader.number(v, s.digits ?? panel.digits),
  }));

  const bandsOf = (panel) => {
    const place = new Map(panel.series.map((s, n) => [s.id, n + 1]));
    return (panel.bands || []).map((b) => ({
      series: [place.get(b.high), place.get(b.low)], fill: () => color(b.color || "--line", b.alpha ?? 0.15) }));
  };

  // Spans that deserve a mark, moments with a rule, and the strips under the axis: drawn by hand.
  const marksPlugin = (spec, panel, last) => ({
    hooks: {
      drawClear: (u) => {
        const { left, top, width, height } = u.bbox;
        u.ctx.save();
        u.ctx.beginPath(); u.ctx.rect(left, top, width, height); u.ctx.clip();
        for (const mark of panel.marks || []) {
          const from = u.valToPos(mark.from, "x", true);
          const to = Math.max(u.valToPos(mark.to ?? mark.from, "x", true), from + 3 * devicePixelRatio);
          u.ctx.fillStyle = color(mark.color || "--warn", 0.3);
          u.ctx.fillRect(from, top, to - from, height);
        }
        u.ctx.restore();
      },
      draw: (u) => {
        const { left, top, width, height } = u.bbox;
        u.ctx.save();
        u.ctx.strokeStyle = color("--soft"); u.ctx.lineWidth = devicePixelRatio;
        u.ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
        for (const rule of panel.rules || []) {
          const x = u.valToPos(rule.x, "x", true);
          if (x < left || x > left + width) continue;
          u.ctx.beginPath(); u.ctx.moveTo(x, top); u.ctx.lineTo(x, top + height); u.ctx.stroke();
        }
        u.ctx.setLineDash([]);
        u.ctx.beginPath(); u.ctx.rect(left, top, width, height); u.ctx.clip();
        for (const strip of last ? spec.strips || [] : []) for (const part of strip.parts) {
          const from = u.valToPos(part.from, "x", true);
          const to = u.valToPos(part.to, "x", true);
          u.ctx.fillStyle = color(part.color || "--soft", 0.8);
          u.ctx.fillRect(from, top + height - 6 * devicePixelRatio, Math.max(to - from, 1), 6 * devicePixelRatio);
        }
        u.ctx.restore();
      },
    },
  });

  const found = (list, x, slack) => (list || []).find((m) => x >= m.from - slack && x <= (m.to ?? m.from) + slack);

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.plots = [];
      this.range = null; // what the reader zoomed to; null is everything
      this.host = document.createElement("div");
      this.host.className = "plots";
      figure.prepend(this.host);
      this.note = figure.querySelector("[data-note]");
      const block = figure.dataset.chart && document.getElementById(figure.dataset.chart);
      if (block) this.show(JSON.parse(block.textContent));
      new ResizeObserver(() => this.resize()).observe(this.host);
      figure.addEventListener("keydown", (event) => this.key(event));
    }

    show(spec) {
      const hidden = new Map(this.plots.flatMap((p) => p.series.slice(1).map((s) => [s.label, !s.show])));
      for (const panel of spec.panels) for (const s of panel.series) {
        if (hidden.has(s.label)) s.hidden = hidden.get(s.label);
      }
      this.spec = spec;
      for (const plot of this.plots) plot.destroy();
      this.host.replaceChildren();
      this.plots = spec.panels.map((panel, n) => this.panel(panel, n === spec.panels.length - 1));
      if (this.range) this.zoom(...this.range, false);
      this.figure.dispatchEvent(new CustomEvent("chart:shown"));
    }

    panel(panel, last) {
      const sync = { key: this.figure.id || this.figure.dataset.chart || "chart", setSeries: false };
      const options = {
        title: panel.title, width: this.host.clientWidth || 600, height: panel.height || 240,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), Reader.zone), ms: 1e-3,
        scales: { x: { time: Boolean(this.spec.time) }, y: { range: panel.zero
          ? (u, low, high) => [Math.min(0, low), high * 1.05 || 1] : { min: { pad: 0.06 }, max: { pad: 0.06 } } } },
        axes: axes(this.spec, panel, last), bands: bandsOf(panel), plugins: [marksPlugin(this.spec, panel, last)],
        series: [{ label: this.spec.texts?.time || "", value: (u, v) => v === null ? "–"
          : this.spec.time ? Reader.moment(v) : Reader.number(v, 0) }, ...seriesOf(panel)],
        legend: { show: !panel.bare, live: true },
        cursor: { show: !panel.bare, sync, drag: { x: true, y: false, setScale: false }, focus: { prox: 24 } },
        hooks: {
          setSelect: [(u) => {
            if (u.select.width < 8) return;
            this.zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          }],
          setCursor: [(u) => this.tell(u, panel)],
          ready: [(u) => this.listen(u, panel)],
        },
      };
      return new uPlot(options, [this.spec.x, ...panel.series.map((s) => s.values)], this.host);
    }

    listen(plot, panel) {
      plot.over.addEventListener("dblclick", () => this.all());
      plot.over.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.shiftKey) return; // plain scrolling stays the page's
        event.preventDefault();
        const { min, max } = plot.scales.x;
        const at = plot.posToVal(event.offsetX, "x");
        const factor = event.deltaY < 0 ? 0.75 : 4 / 3;
        if (event.shiftKey) this.pan(Math.sign(event.deltaY || event.deltaX) * 0.2);
        else this.zoom(at - (at - min) * factor, at + (max - at) * factor);
      }, { passive: false });
      plot.over.addEventListener("click", (event) => {
        const slack = (plot.scales.x.max - plot.scales.x.min) / plot.over.clientWidth * 6;
        const mark = found(panel.marks, plot.posToVal(event.offsetX, "x"), slack);
        if (mark?.href) window.location.assign(mark.href);
      });
    }

    tell(plot, panel) {
      if (!this.note || plot.cursor.left < 0) return;
      const at = plot.posToVal(plot.cursor.left, "x");
      const slack = (plot.scales.x.max - plot.scales.x.min) / plot.over.clientWidth * 6;
      const mark = found(panel.marks, at, slack);
      const parts = (this.spec.strips || []).map((s) => [s.label, found(s.parts, at, 0)?.label]);
      this.note.textContent = [mark?.label, ...parts.filter(([, v]) => v).map(([k, v]) => `${k}: ${v}`)]
        .filter(Boolean).join(" · ");
      plot.over.classList.toggle("clickable", Boolean(mark?.href));
    }

    extent() { return [this.spec.x[0], this.spec.x[this.spec.x.length - 1]]; }

    zoom(min, max, tell = true) {
      const [first, last] = this.extent();
      const least = this.spec.time ? 600 : 1;
      if (max - min < least) { const mid = (min + max) / 2; min = mid - least / 2; max = mid + least / 2; }
      min = Math.max(min, first); max = Math.min(max, last);
      if (!(max > min)) return;
      this.range = [min, max];
      for (const plot of this.plots) plot.setScale("x", { min, max });
      if (tell) this.figure.dispatchEvent(new CustomEvent("chart:zoom", { detail: { min, max } }));
    }

    all() {
      this.range = null;
      const [min, max] = this.extent();
      for (const plot of this.plots) plot.setScale("x", { min, max });
      this.figure.dispatchEvent(new CustomEvent("chart:zoom", { detail: null }));
    }

    pan(share) {
      const { min, max } = this.plots[0].scales.x;
      const [first, last] = this.extent();
      const step = Math.max(first - min, Math.min(last - max, share * (max - min)));
      this.zoom(min + step, max + step);
    }

    key(event) {
      if (!this.plots.length || event.target.closest("a, button, input, select, textarea")) return;
      const { min, max } = this.plots[0].scales.x;
      const quarter = (max - min) / 4;
      const done = { ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2),
        "+": () => this.zoom(min + quarter, max - quarter), "-": () => this.zoom(min - quarter, max + quarter),
        Home: () => this.all() }[event.key];
      if (!done) return;
      event.preventDefault();
      done();
    }

    resize() {
      const width = this.host.clientWidth;
      if (!width) return;
      for (const plot of this.plots) if (plot.width !== width) plot.setSize({ width, height: plot.height });
    }

    // What is seen: the rows between the edges of the screen, the series that are switched on.
    csv() {
      const { min, max } = this.plots[0].scales.x;
      const columns = this.plots.flatMap((plot) => plot.series.slice(1)
        .map((s, n) => ({ label: s.label, show: s.show, values: plot.data[n + 1] })).filter((c) => c.show));
      const quote = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
      const rows = [[this.spec.time ? "timestamp" : "x", ...columns.map((c) => quote(c.label))]];
      this.spec.x.forEach((x, i) => {
        if (x < min || x > max || columns.every((c) => c.values[i] === null)) return;
        rows.push([this.spec.time ? new Date(x * 1000).toISOString() : x, ...columns.map((c) => c.values[i] ?? "")]);
      });
      return rows.map((r) => r.join(",")).join("\r\n") + "\r\n";
    }

    png() {
      const canvases = this.plots.map((plot) => plot.ctx.canvas);
      const gap = LEGEND_GAP * devicePixelRatio;
      const sheet = document.createElement("canvas");
      sheet.width = Math.max(...canvases.map((c) => c.width));
      sheet.height = canvases.reduce((sum, c) => sum + c.height + gap, 0);
      const pen = sheet.getContext("2d");
      pen.fillStyle = color("--panel"); pen.fillRect(0, 0, sheet.width, sheet.height);
      let top = 0;
      for (const canvas of canvases) { pen.drawImage(canvas, 0, top); top += canvas.height + gap; }
      return new Promise((resolve) => { sheet.toBlob(resolve, "image/png"); });
    }

    redraw() { for (const plot of this.plots) plot.redraw(false, true); }
  }

  const known = new Map();
  const of = (figure) => {
    if (!known.has(figure)) known.set(figure, new Chart(figure));
    return known.get(figure);
  };
  const start = (root = document) => root.querySelectorAll("figure[data-chart], figure[data-chart-url]").forEach(of);
  const save = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };

  document.addEventListener("DOMContentLoaded", () => start());
  document.addEventListener("htmx:afterSwap", (event) => start(event.target));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-chart-save]");
    const figure = button && document.getElementById(button.dataset.for);
    if (!figure) return;
    const chart = of(figure);
    if (button.dataset.chartSave === "csv") save(`${button.dataset.name}.csv`, new Blob([chart.csv()], { type: "text/csv" }));
    else save(`${button.dataset.name}.png`, await chart.png());
  });
  const repaint = () => known.forEach((chart) => chart.redraw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  document.addEventListener("theme:changed", repaint);
  return { of, start };
})();
