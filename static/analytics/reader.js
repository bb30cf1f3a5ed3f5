// How this reader wants time and numbers: the server says it on <html>, else the browser's own.
"use strict";
// Done when the page has been read and painted once: who draws before that keeps its reader waiting.
const Painted = new Promise((resolve) => {
  const frame = () => requestAnimationFrame(() => setTimeout(resolve));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", frame);
  else frame();
});
const Reader = (() => {
  const root = document.documentElement;
  const locale = root.dataset.locale || root.lang || undefined;
  const zone = root.dataset.zone || Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const cache = new Map();
  const keep = (key, make) => {
    if (!cache.has(key)) cache.set(key, make());
    return cache.get(key);
  };
  const times = (options) =>
    keep(JSON.stringify(options), () => new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }));
  const number = (value, digits) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    const format = keep(`n${digits}`, () => new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits, maximumFractionDigits: digits }));
    return format.format(value);
  };
  // A value of an axis whose ticks are so far apart: 1.5 M where seven digits would be cut.
  const along = (value, step, digits) => {
    if (!(Math.abs(value) >= 1e5 && step >= 1000)) return number(value, digits);
    return keep("compact", () => new Intl.NumberFormat(locale, {
      notation: "compact", maximumFractionDigits: 3 })).format(value);
  };
  // 2026-11-26 13:52 in every language, as the server's tables have it (Sweden writes it so).
  const iso = () => new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit",
    day: "2-digit", hour: "2-digit", minute: "2-digit" });
  const moment = (seconds) => keep("iso", iso).format(new Date(seconds * 1000));
  // An axis wants the shortest text that still tells its ticks apart.
  const tick = (seconds, step, first) => {
    const date = new Date(seconds * 1000);
    if (step >= 86400 * 28) return times({ year: "numeric", month: "short" }).format(date);
    const day = { day: "numeric", month: "short" };
    if (step >= 86400) return times(first ? { ...day, year: "numeric" } : day).format(date);
    const clock = times({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);
    return first || clock === "00:00" ? `${clock}\n${times(day).format(date)}` : clock;
  };
  return { locale, zone, number, along, moment, tick };
})();
