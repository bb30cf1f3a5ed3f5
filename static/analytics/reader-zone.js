// Tells the server which zone this browser is in, so that its pages speak of the reader's time. A
// page that was made before it knew is asked for once more.
"use strict";
(() => {
  const root = document.documentElement;
  const tell = () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone) return;
    const told = () => document.cookie.split("; ").includes(`browser_zone=${zone}`);
    if (told()) return;
    document.cookie = `browser_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
    // Without cookies it stays as it is; who chose a zone sees that one anyway.
    if (told() && root.dataset.zoneBy !== "person" && root.dataset.zone !== zone) window.location.replace(window.location.href);
  };
  // The first question for a zone costs tens of milliseconds: before the first paint it is worth
  // them only where the page's moments (UTC as long as nobody said a zone) are wrong for sure.
  if (root.dataset.zoneBy === "" && new Date().getTimezoneOffset() !== 0) tell();
  else requestAnimationFrame(() => setTimeout(tell));
})();
