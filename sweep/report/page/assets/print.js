// Print: draw all figures in the light theme at page width, and expand everything.

const PAPER = "660px"; // fits A4 and Letter between their margins

let folded = [];

function beforePrint() {
  document.documentElement.dataset.printing = "";
  folded = [...document.querySelectorAll("details:not([open]):not(.traceback)")];
  for (const each of folded) each.open = true;
  for (const place of figures()) {
    place.style.width = PAPER;
    draw(place);
  }
}

function afterPrint() {
  delete document.documentElement.dataset.printing;
  for (const each of folded) each.open = false;
  for (const place of figures()) {
    place.style.width = "";
    draw(place);
  }
}
