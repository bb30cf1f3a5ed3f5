// Keeps the worker and training panels fresh. Without JavaScript the page shows the state at load.
"use strict";
(() => {
  const live = document.getElementById("live");
  if (!live) return;
  const seconds = Number(live.dataset.seconds) || 5;
  const runs = () => live.querySelector("[data-runs]")?.dataset.runs ?? "";
  const before = runs();
  async function refresh() {
    if (document.hidden || live.contains(document.activeElement)) return;
    try {
      const answer = await fetch(live.dataset.url, { headers: { "X-Requested-With": "fetch" } });
      if (!answer.ok) return;
      const text = await answer.text();
      if (text.trim() === live.dataset.last) return; // unchanged: leave screen readers in peace
      live.dataset.last = text.trim();
      live.innerHTML = text; // our own server's escaped HTML, same origin
      // A run that was open has closed: models and forecasts below may be new.
      if (runs() !== before) window.location.reload();
    } catch { /* the server is restarting; the next round tries again */ }
  }
  window.setInterval(refresh, seconds * 1000);
})();
