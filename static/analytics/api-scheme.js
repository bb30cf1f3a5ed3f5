// The scheme of Swagger UI's page: what the reader chose, else the system's. The library
// brings dark colours that wait for this class.
"use strict";
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  system.addEventListener("change", show);
  show();
})();
