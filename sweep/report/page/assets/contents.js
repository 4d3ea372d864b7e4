// Table of contents: collapsed on a phone; elsewhere it highlights the current section.

const wide = matchMedia("(min-width: 68rem)");

function foldContents() {
  const contents = document.getElementById("contents");
  if (contents) contents.open = wide.matches;
}

let spy = null;

/** Highlight the last section or figure that starts above the middle of the screen. */
function followReader() {
  spy?.disconnect();
  const links = [...document.querySelectorAll(".contents a")];
  const places = links.map((link) => document.getElementById(link.hash.slice(1)));
  const mark = () => {
    const passed = places.findLastIndex((place) => place?.getBoundingClientRect().top < innerHeight / 3);
    links.forEach((link, index) => {
      if (index === passed) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    });
  };
  spy = new IntersectionObserver(mark, { rootMargin: "0px 0px -66% 0px", threshold: [0, 0.01] });
  places.forEach((place) => place && spy.observe(place));
}
