// Sorting by column and a filter for each leaderboard. The page is complete without it.
"use strict";

function keyOf(row, column, as) {
  const cell = row.cells[column];
  if (!cell) return null;
  if (as === "text") return cell.textContent.trim().toLowerCase();
  const given = cell.dataset.sort;
  if (given === undefined) return null;
  return given === "inf" ? Infinity : Number(given);
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "string" ? a.localeCompare(b) : a < b ? -1 : a > b ? 1 : 0;
}

function sortBy(table, column, as, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, key: "last" in row.dataset ? null : keyOf(row, column, as) }));
  const sign = descending ? -1 : 1;
  rows.sort((a, b) => (a.key === null || b.key === null ? compare(a.key, b.key) : sign * compare(a.key, b.key)));
  body.append(...rows.map((r) => r.row));
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const as = head.dataset.sortAs;
    if (!as) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(table, column, as, descending);
    });
  });
}

function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 6) return;
  const label = document.createElement("label");
  label.className = "filter";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "name, family or label";
  const told = document.createElement("output");
  label.append("Filter rows ", input, told);
  table.closest(".scroll").before(label);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = (row.cells[0].textContent + " " + row.cells[1].textContent).toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    told.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}

for (const table of document.querySelectorAll("table[data-sortable]")) {
  sortable(table);
  filterable(table);
}
