// The chosen colours, before anything is drawn. A classic script, because modules run too late for that.
try {
  const chosen = localStorage.getItem("voltagent-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // the browser keeps nothing: as the system says
}
