// Lists of the admin. On a phone their rows stand as blocks (admin.css): each cell then tells its column.
// Names of markets break where their venue begins, not within a word.
for (const table of document.querySelectorAll("#result_list")) {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.querySelector(".text:not(:has(input))")?.textContent.trim());
  for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, n) => { if (heads[n]) cell.dataset.head = heads[n]; });
}
for (const named of document.querySelectorAll("#result_list .field-market, #changelist-filter a")) {
  const texts = document.createTreeWalker(named, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const at = texts.currentNode.data.indexOf("@");
    if (at > 0) texts.currentNode.splitText(at).before(document.createElement("wbr"));
  }
}
