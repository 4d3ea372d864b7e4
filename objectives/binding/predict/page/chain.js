"use strict";
// Shows the residue under the pointer or with keyboard focus; one residue is in the tab order.
(() => {
  const group = document.getElementById("residues");
  const told = document.getElementById("told");
  const residues = Array.from(group.querySelectorAll("[title]"));
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10 };
  let at = 0;

  const tell = (residue) => { told.textContent = residue.title; };
  const take = (index) => {
    residues[at].removeAttribute("tabindex");
    at = Math.min(Math.max(index, 0), residues.length - 1);
    const residue = residues[at];
    residue.tabIndex = 0;
    residue.setAttribute("role", "img");
    residue.setAttribute("aria-label", residue.title);
    return residue;
  };
  const under = (event) => event.target.closest("[title]");

  take(0);
  group.addEventListener("pointerover", (event) => { if (under(event)) tell(under(event)); });
  group.addEventListener("click", (event) => {
    if (under(event)) take(residues.indexOf(under(event))).focus();
  });
  group.addEventListener("focusin", (event) => { if (under(event)) tell(under(event)); });
  group.addEventListener("keydown", (event) => {
    const ends = { Home: 0, End: residues.length - 1 };
    const to = event.key in steps ? at + steps[event.key] : ends[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    take(to).focus();
  });
})();
