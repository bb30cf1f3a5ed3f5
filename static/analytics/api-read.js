// Redoc on its part of the page, in colours that can be read. Its search would run in a worker made of
// a text, which the content policy refuses.
"use strict";
(() => {
  const place = document.getElementById("redoc");
  // The maker's mark is a picture of elsewhere: this server's own stands in its place.
  const own = (address) => new URL(address, location.href).origin === location.origin ? address : place.dataset.icon;
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  Object.defineProperty(HTMLImageElement.prototype, "src", { get, set(address) { set.call(this, own(address)); } });
  const theme = {
    colors: {
      primary: { main: "#1f4e79" },
      success: { main: "#17603d" },
      error: { main: "#a32d29" },
      text: { primary: "#1a1f27", secondary: "#4a515c" },
      http: { get: "#17603d", post: "#1b5fa8", put: "#8a4b00", patch: "#0f6357", delete: "#a32d29" },
    },
    typography: { fontFamily: "system-ui, sans-serif", headings: { fontFamily: "system-ui, sans-serif" }, code: { color: "#a32d29" } },
    sidebar: { textColor: "#1a1f27" },
  };
  Redoc.init(place.dataset.schema, { disableSearch: true, hideLoading: true, theme }, place);
})();
