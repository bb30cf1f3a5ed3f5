// Django's chooser of many (SelectFilter2.js) names an icon that has no role, so that nobody hears
// its name. It is made when the page has loaded; this listens after it.
addEventListener("load", () => {
  for (const icon of document.querySelectorAll(".search-label-icon[aria-label]")) icon.setAttribute("role", "img");
});
