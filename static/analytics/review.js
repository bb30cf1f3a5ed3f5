// Keys of the pages on which people judge, and what their lists and forms need. Every key presses a
// button or follows a link that is on the page; the reader may switch them off.
"use strict";
(() => {
  const hint = document.querySelector("[data-keys]");
  const STORE = "paralelo-keys";
  const kept = (value) => {
    try {
      if (value !== undefined) window.localStorage.setItem(STORE, value);
      return window.localStorage.getItem(STORE);
    } catch { return null; /* storage is switched off: the choice holds for this page */ }
  };
  if (hint) {
    hint.hidden = false;
    const box = hint.querySelector("[data-keys-on]");
    box.checked = kept() !== "off";
    box.addEventListener("change", () => kept(box.checked ? "on" : "off"));
  }
  const on = () => Boolean(hint?.querySelector("[data-keys-on]").checked);

  // --------------------------------------------------------------------------------------- lists
  const rows = [...document.querySelectorAll("[data-row]")];
  const go = (step) => {
    const now = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.max(0, Math.min(rows.length - 1, now < 0 ? (step > 0 ? 0 : rows.length - 1) : now + step))];
    next?.querySelector("[data-open]").focus();
  };
  document.addEventListener("focusin", () => rows.forEach((row) => row.classList.toggle("at", row.contains(document.activeElement))));
  const box = () => rows.find((row) => row.contains(document.activeElement))?.querySelector("input[type=checkbox]");
  document.querySelector("[data-all]")?.addEventListener("change", (event) => {
    for (const one of document.querySelectorAll("[data-row] input[type=checkbox]")) one.checked = event.target.checked;
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
    if (!on() || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const found = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    const list = rows.length ? { j: () => go(1), k: () => go(-1), x: () => box()?.click() }[event.key] : null;
    if (!list && !found) return;
    event.preventDefault();
    if (list) list();
    else found.click();
  });

  // ------------------------------------------------------------------------------------- charts
  // What is dear to compute is asked for once the page stands.
  if (typeof Charts !== "undefined") Painted.then(() => {
    for (const root of document.querySelectorAll("[data-chart][data-url]")) {
      Charts.of(root)?.refresh?.();
    }
  });
})();
