// What happens when the page is there.

const system = matchMedia("(prefers-color-scheme: dark)");

const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
};

function startTheme() {
  const button = document.getElementById("theme");
  const show = () => button.setAttribute("aria-pressed", isDark());
  button.hidden = false;
  button.addEventListener("click", () => {
    const chosen = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem("lorasweep-theme", chosen);
    } catch {
      // Storage may be forbidden; the choice holds until the page is left.
    }
    show();
    redraw();
  });
  system.addEventListener("change", () => {
    show();
    redraw();
  });
  show();
}

/** Make a report's parts work; again for each one that comes from the server. */
function enhance(main) {
  enhanceTables(main);
  foldContents();
  followReader();
  watchFigures(main.querySelectorAll(".figure"));
}

startTheme();
enhance(document.getElementById("main"));
addEventListener("beforeprint", beforePrint);
addEventListener("afterprint", afterPrint);
wide.addEventListener("change", foldContents);
if (document.documentElement.dataset.live !== undefined) follow();
