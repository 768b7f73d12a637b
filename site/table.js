// Each leaderboard: sorting, filters, choice of columns, selection of rows. The page is complete without it.
//
// What is chosen stands in the address, so that a view can be shared: sort=-key, q=words, family=…, framework=…, label=…,
// columns=preset or keys, pick=row, only=1. On a page with several tables each name starts with the table's own and a dot.
"use strict";

const HOME = new URL(".", document.currentScript.src);
const PRESETS = { "": "Overview", accuracy: "Accuracy", physics: "Physics", uncertainty: "Uncertainty", cost: "Cost", all: "All" };
const FILTERS = { family: "Family", framework: "Framework", label: "Label" };
const NOTHING = { sort: "", q: "", family: [], framework: [], label: [], columns: "", pick: [], only: false };
const ENOUGH = 6; // fewer rows need no filter

function make(tag, values = {}, ...children) {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
}

function labelOf(head) {
  const note = head.querySelector("small")?.textContent ?? "";
  const whole = head.textContent.trim();
  return note ? whole.slice(0, -note.length) : whole;
}

// ---- The address ----

function parameters(prefix) {
  const given = new URLSearchParams(location.search);
  return (name) => given.getAll(prefix + name);
}

function remember(prefix, state) {
  const address = new URL(location.href);
  for (const [name, values] of Object.entries(state)) {
    address.searchParams.delete(prefix + name);
    for (const value of values) address.searchParams.append(prefix + name, value);
  }
  try {
    history.replaceState(null, "", address);
  } catch {
    // A browser that lets no page from the disk change its address.
  }
}

// ---- Sorting ----

function keyOf(row, column, as) {
  const cell = row.cells[column];
  if (!cell || (cell.colSpan > 1 && column > 0)) return null;
  if (as === "text") return cell.textContent.trim().toLowerCase();
  const given = cell.dataset.sort;
  if (given === undefined) return null;
  return given === "inf" ? Infinity : Number(given);
}

function compareKeys(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "string" ? a.localeCompare(b) : a < b ? -1 : a > b ? 1 : 0;
}

function sortRows(table, column, as, descending) {
  for (const body of table.tBodies) {
    const rows = [...body.rows].map((row) => ({ row, key: "last" in row.dataset ? null : keyOf(row, column, as) }));
    const sign = descending ? -1 : 1;
    rows.sort((a, b) => (a.key === null || b.key === null ? compareKeys(a.key, b.key) : sign * compareKeys(a.key, b.key)));
    body.append(...rows.map((r) => r.row));
  }
}

class Table {
  constructor(table, position) {
    this.table = table;
    this.heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    this.rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    this.name = table.dataset.table ?? (table.id || `t${position}`);
    this.prefix = this.name && `${this.name}.`;
    this.original = new Map(this.rows.map((row, i) => [row, i]));
    this.start = this.heads.find((h) => h.hasAttribute("aria-sort"));
    this.state = { ...NOTHING };
    this.read();
    this.addSorting();
    if (this.rows.length >= ENOUGH || this.optional.length) this.addTools();
    if (this.picking && this.tools) this.addPicking();
    this.show();
  }

  key(head) {
    return head.dataset.key ?? labelOf(head).toLowerCase();
  }

  get optional() {
    return this.heads.filter((h) => h.dataset.group);
  }

  get picking() {
    return this.table.dataset.pool !== undefined && this.rows.some((r) => r.dataset.row !== undefined);
  }

  read() {
    const given = parameters(this.prefix);
    for (const name of Object.keys(this.state)) {
      const values = given(name);
      if (!values.length) continue;
      if (Array.isArray(this.state[name])) this.state[name] = values;
      else this.state[name] = name === "only" ? values[0] === "1" : values[0];
    }
  }

  write() {
    const values = Object.entries(this.state).map(([name, value]) => {
      const list = Array.isArray(value) ? value : value === true ? ["1"] : value ? [value] : [];
      return [name, list];
    });
    remember(this.prefix, Object.fromEntries(values));
  }

  change(state) {
    Object.assign(this.state, state);
    this.write();
    this.show();
  }

  show() {
    this.showSort();
    this.showRows();
    this.showColumns();
    this.tellMenus();
    if (this.only) this.tellPicked();
    if (this.reset) this.reset.hidden = !Object.values(this.state).some((v) => (Array.isArray(v) ? v.length : v));
  }

  // ---- Sorting ----

  addSorting() {
    this.heads.forEach((head) => {
      if (!head.dataset.sortAs) return;
      const button = make("button", { type: "button" });
      if (head.querySelector("a")) {
        // A link cannot stand inside a button: the button stands beside it.
        button.className = "beside-link";
        button.title = `Sort by ${labelOf(head)}`;
        button.setAttribute("aria-label", button.title);
      } else {
        button.append(...head.childNodes);
      }
      head.append(button);
      button.addEventListener("click", () => this.change({ sort: this.next(head) }));
    });
  }

  next(head) {
    const now = head.getAttribute("aria-sort");
    const descending = now ? now === "ascending" : head.dataset.best === "high";
    return (descending ? "-" : "") + this.key(head);
  }

  showSort() {
    const descending = this.state.sort.startsWith("-");
    const wanted = descending ? this.state.sort.slice(1) : this.state.sort;
    const head = this.heads.find((h) => h.dataset.sortAs && this.key(h) === wanted);
    if (this.sorted === this.state.sort || (!head && this.sorted === undefined)) return;
    this.sorted = this.state.sort;
    for (const h of this.heads) h.removeAttribute("aria-sort");
    if (head) {
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortRows(this.table, this.heads.indexOf(head), head.dataset.sortAs, descending);
    } else {
      this.start?.setAttribute("aria-sort", "ascending");
      const rows = [...this.rows].sort((a, b) => this.original.get(a) - this.original.get(b));
      for (const row of rows) row.parentNode.append(row);
    }
  }

  // ---- Tools above the table ----

  addTools() {
    this.search = make("input", { type: "search", accessKey: document.querySelector("input[type=search]") ? "" : "/", placeholder: "name, family or label", value: this.state.q });
    this.search.addEventListener("input", () => this.change({ q: this.search.value }));
    this.told = make("output");
    this.menus = Object.keys(FILTERS).map((name) => this.filterMenu(name)).filter(Boolean);
    if (this.optional.length) this.menus.push(this.columnMenu());
    const link = make("button", { type: "button", className: "tool" }, "Copy link");
    link.addEventListener("click", () => copied(link, location.href));
    this.reset = make("button", { type: "button", className: "tool" }, "Reset");
    this.reset.addEventListener("click", () => this.clear());
    const label = make("label", { className: "filter" }, make("span", {}, "Search rows"), this.search);
    this.tools = make("div", { className: "tools" }, label, ...this.menus, link, this.reset, this.told);
    (this.table.closest(".scroll") ?? this.table).before(this.tools);
  }

  clear() {
    for (const box of this.boxes ?? []) box.checked = false;
    this.search.value = "";
    this.change({ ...NOTHING });
  }

  values(row, name) {
    const found = (row.dataset[name] ?? "").split("|").filter(Boolean);
    return found.length || name !== "label" ? found : ["without a label"];
  }

  menu(title, ...children) {
    const menu = make("details", { className: "menu" }, make("summary", {}, title), make("div", { className: "drop" }, ...children));
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.firstChild.focus();
    });
    return menu;
  }

  box(text, checked, changed) {
    const input = make("input", { type: "checkbox", checked });
    input.addEventListener("change", () => changed(input.checked));
    return make("label", { className: "choice" }, input, text);
  }

  filterMenu(name) {
    const counts = new Map();
    for (const row of this.rows) for (const v of this.values(row, name)) counts.set(v, (counts.get(v) ?? 0) + 1);
    if (counts.size < 2) return null;
    const boxes = [...counts.keys()].sort().map((value) => {
      const label = this.box(`${value} `, this.state[name].includes(value), (on) => {
        this.change({ [name]: on ? [...this.state[name], value] : this.state[name].filter((v) => v !== value) });
      });
      label.append(make("span", { className: "count" }, counts.get(value)));
      label.firstChild.dataset.value = value;
      return label;
    });
    const menu = this.menu(FILTERS[name], make("fieldset", {}, make("legend", {}, `Show only, by ${FILTERS[name].toLowerCase()}`), ...boxes));
    menu.dataset.name = name;
    return menu;
  }

  columnMenu() {
    const presets = Object.entries(PRESETS).filter(([key]) => !key || key === "all" || this.optional.some((h) => h.dataset.group === key));
    const buttons = presets.map(([key, title]) => {
      const button = make("button", { type: "button", className: "tool" }, title);
      button.dataset.preset = key;
      button.addEventListener("click", () => this.change({ columns: key }));
      return button;
    });
    const groups = Object.keys(PRESETS).map((group) => {
      const heads = this.optional.filter((h) => h.dataset.group === group);
      const boxes = heads.map((head) => {
        const key = this.key(head);
        const alike = this.optional.filter((h) => labelOf(h) === labelOf(head)).length > 1;
        const label = this.box(alike ? `${labelOf(head)}, ${head.querySelector("small")?.textContent}` : labelOf(head), false, (on) => {
          const keys = this.chosen.filter((k) => k !== key);
          this.change({ columns: [...keys, ...(on ? [key] : [])].join(",") || "none" });
        });
        label.firstChild.dataset.value = key;
        return label;
      });
      return heads.length ? make("fieldset", {}, make("legend", {}, PRESETS[group]), ...boxes) : "";
    });
    const menu = this.menu("Columns", make("div", { className: "presets" }, ...buttons), ...groups);
    menu.dataset.name = "columns";
    return menu;
  }

  tellMenus() {
    for (const menu of this.menus ?? []) {
      const name = menu.dataset.name;
      const chosen = name === "columns" ? this.chosen : this.state[name];
      for (const input of menu.querySelectorAll("input")) input.checked = chosen.includes(input.dataset.value);
      for (const b of menu.querySelectorAll("[data-preset]")) b.setAttribute("aria-pressed", b.dataset.preset === this.state.columns);
      const title = FILTERS[name] ?? "Columns";
      const count = name === "columns" ? "" : chosen.length;
      menu.firstChild.textContent = count ? `${title}: ${count}` : title;
    }
  }

  // ---- Rows ----

  wanted(row, words) {
    if (this.state.only && !this.state.pick.includes(row.dataset.row)) return false;
    for (const name of Object.keys(FILTERS)) {
      if (this.state[name].length && !this.values(row, name).some((v) => this.state[name].includes(v))) return false;
    }
    const text = `${row.cells[0].textContent} ${row.cells[1]?.textContent ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  }

  showRows() {
    const words = this.state.q.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of this.rows) {
      const hidden = !this.wanted(row, words);
      if (row.hidden !== hidden) row.hidden = hidden;
      shown += !hidden;
    }
    if (this.told) this.told.textContent = shown < this.rows.length ? `${shown} of ${this.rows.length} rows` : "";
  }

  // ---- Columns ----

  get chosen() {
    const [wanted, keys] = [this.state.columns, this.state.columns.split(",")];
    const shows = (head) => {
      if (!wanted) return !head.classList.contains("extra");
      if (wanted in PRESETS) return wanted === "all" || head.dataset.group === wanted;
      return keys.includes(this.key(head));
    };
    return this.optional.filter(shows).map((h) => this.key(h));
  }

  showColumns() {
    if (!this.optional.length || this.columns === this.state.columns) return;
    this.columns = this.state.columns;
    const chosen = this.chosen;
    const hidden = this.heads.flatMap((h, i) => (h.dataset.group && !chosen.includes(this.key(h)) ? [i + 1] : []));
    this.table.classList.add("chosen");
    this.table.dataset.columns = this.name;
    this.style ??= document.head.appendChild(make("style"));
    const scope = `table[data-columns="${CSS.escape(this.name)}"] > * > tr`;
    this.style.textContent = hidden.length ? `${hidden.map((i) => `${scope} > :nth-child(${i})`).join(",")}{display:none}` : "";
    const visible = this.heads.length - hidden.length - 2;
    for (const cell of this.table.querySelectorAll("td.status[colspan]")) cell.colSpan = visible;
  }

  // ---- Selection, and the way to the page that compares ----

  addPicking() {
    this.compare = make("a", { className: "tool", hidden: true });
    this.boxes = this.rows.flatMap((row) => {
      const [name, cell] = [row.dataset.row, row.querySelector("th") ?? row.cells[0]];
      if (name === undefined || row.classList.contains("solver")) return [];
      const input = make("input", { type: "checkbox", className: "pick", checked: this.state.pick.includes(name) });
      input.setAttribute("aria-label", `Select ${name}`);
      input.addEventListener("change", () => {
        const others = this.state.pick.filter((n) => n !== name);
        const pick = input.checked ? [...others, name] : others;
        this.change({ pick, only: this.state.only && pick.length > 0 });
      });
      cell.prepend(input);
      return [input];
    });
    this.only = this.box("Only selected", this.state.only, (on) => this.change({ only: on }));
    this.reset.before(this.only, this.compare);
  }

  tellPicked() {
    const pick = this.state.pick;
    this.only.hidden = !pick.length;
    this.only.firstChild.checked = this.state.only;
    this.compare.hidden = pick.length < 2;
    this.compare.textContent = `Compare ${Math.min(pick.length, 4)}`;
    const address = new URL("compare.html", HOME);
    address.searchParams.set("pool", this.table.dataset.pool);
    for (const name of pick.slice(0, 4)) address.searchParams.append("m", name);
    this.compare.href = address;
  }
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

[...document.querySelectorAll("table[data-sortable]")].forEach((table, i) => new Table(table, i));
