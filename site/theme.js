// The chosen colours, before anything is painted. Without a choice, and without this script, the reader's system decides.
"use strict";

const THEMES = ["auto", "light", "dark"];

function storedTheme() {
  try {
    const stored = localStorage.getItem("sciml-bench-theme");
    return THEMES.includes(stored) ? stored : "auto";
  } catch {
    return "auto"; // a page from the disk may not be allowed to store anything
  }
}

function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
}

document.documentElement.classList.add("js");
setTheme(storedTheme());
