// Sortable tables, scrollable regions, code listings with a copy button.

/** Sort key of a cell: its number if it has one, else its text; null if empty. */
function sortKey(cell) {
  const raw = cell.dataset.sort ?? cell.querySelector("data")?.value ?? cell.textContent.trim();
  if (raw === "" || cell.querySelector(".none")) return null;
  return Number.isNaN(Number(raw)) ? raw : Number(raw);
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/** Sort a table by a column; rows without a value stay last. */
function sortTable(table, column, direction) {
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
  const sign = direction === "descending" ? -1 : 1;
  keyed.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * compare(a, b);
  });
  body.append(...keyed.map(([, row]) => row));
  for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", direction);
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      const upward = head.getAttribute("aria-sort") === "ascending";
      sortTable(table, column, upward ? "descending" : "ascending");
    });
    head.append(button);
  });
}

/** Make a region focusable by keyboard only while it can be scrolled. */
const overflows = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const scrolls = target.scrollWidth > target.clientWidth + 1;
    if (scrolls) target.setAttribute("tabindex", "0");
    else target.removeAttribute("tabindex");
  }
});

function makeCopyable(listing) {
  const code = listing.querySelector("code");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    button.textContent = await copied(code);
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  listing.append(button);
}

/** Copy a listing; if the browser forbids it, select it for copying by keyboard. */
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    return "Selected";
  }
}

function enhanceTables(root) {
  root.querySelectorAll("table.sortable").forEach(makeSortable);
  root.querySelectorAll(".listing").forEach(makeCopyable);
  root.querySelectorAll(".scroll, .listing pre").forEach((region) => overflows.observe(region));
}
