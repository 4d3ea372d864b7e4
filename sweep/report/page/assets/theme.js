// Apply the chosen theme before the first paint; the default is the system's theme.
try {
  const chosen = localStorage.getItem("lorasweep-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be disabled; then the choice is not remembered.
}
