// The theme that was chosen, before anything is painted. Without a choice the system's holds.
try {
  const chosen = localStorage.getItem("lorasweep-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden, and then nothing is remembered.
}
