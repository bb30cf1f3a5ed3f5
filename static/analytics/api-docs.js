// Swagger UI leaves its select boxes without a name: each gets that of its parameter, or of its use.
"use strict";
(() => {
  const name = (box) => {
    const row = box.closest("[data-param-name]");
    return row ? row.dataset.paramName : box.closest(".content-type-wrapper, .response-control-media-type") ? "media type" : "choice";
  };
  const label = () => {
    for (const box of document.querySelectorAll("#swagger-ui select:not([aria-label])")) box.setAttribute("aria-label", name(box));
  };
  new MutationObserver(label).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
})();
