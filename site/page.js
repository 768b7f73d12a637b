// On every page: the button for light and dark, and buttons that copy. The page is complete without it.
"use strict";

// One place from which short news is spoken to those who do not see it.
function announce(text) {
  let place = document.getElementById("spoken");
  if (!place) {
    place = document.createElement("div");
    place.id = "spoken";
    place.className = "hidden";
    place.setAttribute("role", "status");
    document.body.append(place);
  }
  place.textContent = "";
  setTimeout(() => (place.textContent = text), 50);
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission, or a page from the disk: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

async function copied(button, text) {
  const focused = document.activeElement;
  const done = await toClipboard(text);
  focused?.focus({ preventScroll: true });
  const before = button.dataset.label ?? button.textContent;
  button.dataset.label = before;
  const shown = button.closest(".command")?.querySelector("code");
  if (!done && shown) getSelection().selectAllChildren(shown);
  const instead = shown ? "Press Ctrl+C" : "Could not copy";
  button.textContent = done ? "Copied" : instead;
  announce(done ? "Copied to the clipboard" : instead);
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => (button.textContent = before), 1600);
}

function themeButton() {
  const said = { auto: "as the system", light: "light", dark: "dark" };
  const button = document.createElement("button");
  let theme = storedTheme();
  const show = () => {
    button.textContent = { auto: "◐", light: "☀", dark: "☾" }[theme];
    button.title = `Colours: ${said[theme]}`;
    button.setAttribute("aria-label", button.title);
  };
  button.type = "button";
  button.className = "theme";
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem("sciml-bench-theme", theme);
    } catch {
      // Then the choice holds for this page.
    }
    setTheme(theme);
    show();
    announce(button.title);
  });
  show();
  document.querySelector(".top nav")?.append(button);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button.copy[data-copy]");
  if (button) copied(button, button.dataset.copy);
});

for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
themeButton();
