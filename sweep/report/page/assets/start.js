// Initialise the page after it is loaded.

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
      // Storage may be disabled; the choice then lasts until the page is closed.
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

/** Initialise a report's interactive parts; repeated after each update from the server. */
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
