// From a chart's spec (analytics/pages/charts.py) to what uPlot wants. Needs uPlot and reader.js.
"use strict";
const Drawing = (() => {
  const palette = new Map(); // asking for a style costs more than drawing with it
  const named = (name) => {
    if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888888");
    return palette.get(name);
  };
  const color = (name, alpha = 1) => {
    const value = named(name);
    if (alpha === 1 || !/^#[0-9a-f]{6}$/i.test(value)) return value;
    return value + Math.round(alpha * 255).toString(16).padStart(2, "0");
  };
  const DASHES = { dash: [6, 4], dots: [2, 3] };
  const STRIP = 8; // pixels of a strip's height

  // All tables on one x. What a table does not say at another's x is undefined: no gap in its line.
  const joined = (spec) => {
    const tables = spec.tables.map((t) => [t.x, ...Object.entries(t.columns).map(([name, values]) => {
      const said = values.map((v) => v ?? undefined);
      for (const row of t.breaks[name] ?? []) said[row] = null;
      return said;
    })]);
    const data = tables.length === 1 ? tables[0] : uPlot.join(tables, tables.map((t) => t.map(() => 2)));
    const names = spec.tables.flatMap((t) => Object.keys(t.columns));
    return { x: data[0], columns: new Map(names.map((name, n) => [name, data[n + 1]])) };
  };

  // Digits after the point that such steps need: 0.025 has three.
  const places = (step) => {
    let digits = 0;
    while (digits < 8 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
    return digits;
  };

  const axes = (spec, last) => {
    const common = { stroke: () => color("--soft"), ticks: { show: false }, font: "12px system-ui, sans-serif",
      grid: { stroke: () => color("--edge"), width: 1 } };
    const texts = spec.time ? (u, splits, i, space, step) => splits.map((s, n) => Reader.tick(s, step, n === 0))
      : (u, splits, i, space, step) => splits.map((v) => Reader.number(v, places(step)) + (spec.unit ? ` ${spec.unit}` : ""));
    // Epochs are whole, and hours look best in parts of a day.
    const steps = spec.unit === "h" ? [1, 2, 3, 6, 12, 24, 48, 96] : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
    const x = { ...common, ...(spec.time ? {} : { incrs: steps }), space: spec.time ? 76 : 56, size: (u, values) => (!last ? 6 : values?.some((v) => v.includes("\n")) ? 40 : 26),
      values: last ? texts : (u, splits) => splits.map(() => "") };
    const y = { ...common, size: 60, space: 26, values: (u, splits, i, space, step) => splits.map((v) => Reader.along(v, step, places(step))) };
    return [x, y];
  };

  // Where a line has a value between two gaps: nothing of it is drawn, so that it needs a point.
  const alone = (values) => {
    const said = [...values.keys()].filter((n) => values[n] !== undefined);
    const places = said.filter((n, m) => values[n] !== null && (values[said[m - 1]] ?? null) === null && (values[said[m + 1]] ?? null) === null);
    return places.length ? places : null;
  };

  const series = (line, panel) => ({
    label: line.label || line.column, show: !line.hidden, width: line.kind === "points" ? 0 : line.width,
    stroke: () => color(line.color, line.alpha), dash: DASHES[line.kind],
    fill: line.kind === "area" || line.kind === "bars" ? () => color(line.color, 0.25) : undefined,
    paths: line.width === 0 || line.kind === "points" ? uPlot.paths.linear()
      : line.kind === "bars" ? uPlot.paths.bars({ size: [0.8, 12] })
        : line.kind === "step" ? uPlot.paths.stepped({ align: 1 }) : undefined,
    points: { show: line.kind === "points", size: line.kind === "points" ? 6 : 5, fill: () => color(line.color),
      filter: line.width > 0 && !["points", "bars", "step"].includes(line.kind) ? (u, place) => alone(u.data[place]) : undefined },
  });

  const bands = (panel) => {
    const place = new Map(panel.lines.map((line, n) => [line.column, n + 1]));
    return panel.bands.map((b) => ({ series: [place.get(b.high), place.get(b.low)], fill: () => color(b.color, b.alpha) }));
  };

  const range = (panel) => {
    if (panel.zero) return (u, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.06];
    return (u, low, high) => {
      if (low === null || high === null) return [0, 1];
      const level = panel.level ?? low;
      const [bottom, top] = [Math.min(low, level), Math.max(high, level)];
      const pad = (top - bottom) * 0.07 || Math.abs(top) * 0.01 || 1;
      return [bottom - pad, top + pad];
    };
  };

  const rule = (u, from, to) => {
    u.ctx.save();
    u.ctx.strokeStyle = color("--soft"); u.ctx.lineWidth = devicePixelRatio;
    u.ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    u.ctx.beginPath(); u.ctx.moveTo(...from); u.ctx.lineTo(...to); u.ctx.stroke();
    u.ctx.restore();
  };

  const inside = (u, draw) => {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.beginPath(); u.ctx.rect(left, top, width, height); u.ctx.clip();
    draw(left, top, width, height);
    u.ctx.restore();
  };

  const stretch = (u, part, least) => {
    const from = u.valToPos(part.start, "x", true);
    return [from, Math.max(u.valToPos(part.end, "x", true) - from, least * devicePixelRatio)];
  };

  // Behind the lines: stretches that deserve a mark. Over them: rules, and strips along the edge.
  const under = (u, panel) => inside(u, (left, top, width, height) => {
    for (const mark of panel.marks) {
      const [from, wide] = stretch(u, mark, 2);
      u.ctx.fillStyle = color(mark.color, 0.13);
      u.ctx.fillRect(from, top, wide, height);
    }
  });
  const over = (u, panel) => inside(u, (left, top, width, height) => {
    for (const x of panel.rules) { const at = u.valToPos(x, "x", true); rule(u, [at, top], [at, top + height]); }
    if (panel.level !== null) { const at = u.valToPos(panel.level, "y", true); rule(u, [left, at], [left + width, at]); }
    panel.strips.forEach((strip, n) => {
      const high = STRIP * devicePixelRatio;
      for (const part of strip.parts) {
        const [from, wide] = stretch(u, part, 1);
        u.ctx.fillStyle = color(part.color, 0.85);
        u.ctx.fillRect(from, top + height - (n + 1) * high, wide, high - devicePixelRatio);
      }
    });
  });

  // The nearest row that says something of this series, within so many pixels; its own otherwise.
  const nearest = (u, place, at) => {
    const values = u.data[place];
    if (values[at] !== undefined && values[at] !== null) return at;
    const reach = 40;
    const x = u.valToPos(u.data[0][at], "x");
    let best = null;
    let least = reach;
    for (const step of [-1, 1]) {
      for (let n = at + step; n >= 0 && n < values.length; n += step) {
        const away = Math.abs(u.valToPos(u.data[0][n], "x") - x);
        if (away > least || values[n] === null) break;
        if (values[n] === undefined) continue;
        best = n; least = away;
        break;
      }
    }
    return best;
  };

  return { color, forget: () => palette.clear(), joined, axes, series, bands, range, under, over, nearest };
})();
