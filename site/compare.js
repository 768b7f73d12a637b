// The page that compares: any methods of one pool side by side, from the comparisons worked out when the site was built.
// The choice stands in the address: pool=tier device, m=first, m=second …
"use strict";

const ALPHA = 1 - COMPARISONS.level;

// ---- Numbers, as the rest of the site prints them ----

function number(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const e = Number(exponent);
  if (e >= -3 && e <= 5) return withCommas(Number(`${mantissa}e${e}`).toFixed(Math.max(digits - 1 - e, 0))).replace("-", "−");
  const raised = [...String(e)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
  return `${mantissa}×10${raised}`.replace("-", "−");
}

function withCommas(text) {
  const [whole, fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

// Three digits as in the sentences that the command line prints.
function short(value) {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(2).split("e");
  const e = Number(exponent);
  if (e >= -4 && e < 3) return String(Number(value.toPrecision(3)));
  return `${Number(mantissa)}e${e < 0 ? "-" : "+"}${String(Math.abs(e)).padStart(2, "0")}`;
}

// ---- Comparisons ----

function comparison(board, first, second) {
  const find = (name) => board.rows.findIndex((row) => row[0] === name);
  const [i, j] = [find(first), find(second)];
  if (i < 0 || j < 0 || i === j) return null;
  const [a, b, n] = [Math.min(i, j), Math.max(i, j), board.rows.length];
  const found = board.pairs[a * n - (a * (a + 1)) / 2 + b - a - 1];
  if (!found) return null;
  const [ratio, low, high, p, wins, folds = board.folds, samples = board.samples] = found;
  const errors = [board.rows[i][2], board.rows[j][2]];
  const tied = Math.max(...errors) <= board.floor;
  const sides = i < j ? { ratio, low, high, wins } : { ratio: 1 / ratio, low: 1 / high, high: 1 / low, wins: 1 - wins };
  return { board, first, second, errors, p, folds, samples, tied, ...sides };
}

// Holm 1979: the smallest of m p-values times m, the next times m − 1, …, none smaller than the one before.
function correct(found) {
  let least = 0;
  [...found]
    .sort((a, b) => a.p - b.p)
    .forEach((c, k) => {
      least = Math.max(least, Math.min(1, c.p * (found.length - k)));
      c.adjusted = least;
      c.different = least < ALPHA && !c.tied;
    });
}

function sentence(c) {
  const { board, first, second } = c;
  const where = `on ${board.dataset} (${board.tier}, ${c.folds} folds, ${c.samples} test samples)`;
  const more = `${board.metric} ${short(c.errors[0])} against ${short(c.errors[1])}`;
  if (c.tied) return `${first} and ${second} tie ${where}: both are within the error of the truth itself (${more})`;
  const span = `ratio ${short(c.ratio)}, 95% interval ${short(c.low)} to ${short(c.high)}`;
  if (!c.different) return `no difference between ${first} and ${second} can be told ${where}: ${more}, ${span}`;
  const [better, worse] = c.ratio < 1 ? [first, second] : [second, first];
  const part = Math.min(c.ratio, 1 / c.ratio);
  const less = part > 0.01 ? `${(100 * (1 - part)).toFixed(0)}%` : `${short(1 / part)} times`;
  return `${better} has ${less} less error than ${worse} ${where}: ${more}, ${span}`;
}

// The largest distance of an end of an interval from 1, as a logarithm; a factor of two at least.
function spread(found) {
  return Math.max(Math.log(2), ...found.filter(Boolean).flatMap((c) => [Math.abs(Math.log(c.low)), Math.abs(Math.log(c.high))]));
}

// A ratio with its interval, on a logarithmic scale with 1 in the middle.
function drawn(c, span) {
  const at = (value) => (60 + (54 * Math.log(value)) / span).toFixed(1);
  return (
    '<svg class="interval" viewBox="0 0 120 20" width="120" height="20" aria-hidden="true" focusable="false">' +
    `<path class="floor" d="M60 0v20"/><path class="range" d="M${at(c.low)} 10H${at(c.high)}"/>` +
    `<circle cx="${at(c.ratio)}" cy="10" r="4"/></svg>`
  );
}

// ---- The page ----

function node(tag, values = {}, ...children) {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
}

function names(boards) {
  const counts = new Map();
  for (const board of boards) for (const row of board.rows) counts.set(row[0], (counts.get(row[0]) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => a.localeCompare(b));
}

class Page {
  constructor(form) {
    this.form = form;
    const given = new URLSearchParams(location.search);
    const pools = Object.keys(COMPARISONS.pools);
    this.pool = pools.includes(given.get("pool")) ? given.get("pool") : pools[0];
    this.chosen = given.getAll("m").slice(0, COMPARISONS.most);
    this.given = this.chosen.length > 1;
    if (!this.given) this.chosen = [form.dataset.first, form.dataset.second];
    this.build(pools);
    if (this.given) this.show();
  }

  get boards() {
    return COMPARISONS.pools[this.pool];
  }

  build(pools) {
    const known = names(this.boards);
    const lost = this.chosen.filter((n) => !known.includes(n));
    this.chosen = this.chosen.filter((n) => known.includes(n));
    const choice = (label, options, value, changed) => {
      const select = node("select", {}, ...options.map(([v, text]) => node("option", { value: v, selected: v === value }, text)));
      select.addEventListener("change", () => changed(select.value));
      return node("label", {}, label, select);
    };
    const parts = [];
    if (pools.length > 1) {
      parts.push(choice("Tier and device", pools.map((p) => [p, p]), this.pool, (pool) => this.change({ pool })));
    }
    for (let i = 0; i < COMPARISONS.most; i++) {
      const label = i ? `Method ${i + 1}` : "Method 1, set against the others";
      const options = [["", "–"], ...known.map((n) => [n, n])];
      parts.push(choice(label, options, this.chosen[i] ?? "", (name) => this.choose(i, name)));
    }
    const link = node("button", { type: "button", className: "tool" }, "Copy link");
    link.addEventListener("click", () => copied(link, location.href));
    const told = lost.map((n) => node("p", { className: "notice" }, `${n} has no score at ${this.pool}.`));
    this.form.replaceChildren(...parts, link, ...told);
  }

  choose(position, name) {
    const chosen = [...this.chosen];
    chosen[position] = name;
    this.change({ chosen: [...new Set(chosen.filter(Boolean))] });
  }

  change(state) {
    const focused = [...this.form.elements].indexOf(document.activeElement);
    Object.assign(this, state);
    this.build(Object.keys(COMPARISONS.pools));
    this.form.elements[focused]?.focus();
    const address = new URL(location.href);
    address.search = "";
    address.searchParams.set("pool", this.pool);
    for (const name of this.chosen) address.searchParams.append("m", name);
    try {
      history.replaceState(null, "", address);
    } catch {
      // A browser that lets no page from the disk change its address.
    }
    this.show();
  }

  show() {
    const [first, ...rivals] = this.chosen;
    const boards = this.boards.filter((b) => b.rows.some((row) => this.chosen.includes(row[0])));
    const found = boards.map((board) => rivals.map((rival) => comparison(board, first, rival)));
    const all = found.flat().filter(Boolean);
    correct(all);
    this.table(boards, found, first, rivals, all.length);
    document.getElementById("sentences").replaceChildren(...all.map((c) => node("li", {}, sentence(c))));
    const quoted = (name) => `'${name.replaceAll("'", "'\\''")}'`;
    const [tier, device] = this.pool.split(" ");
    const where = `--tier ${tier}${device === "cpu" ? "" : ` --device ${device}`}${this.form.dataset.option}`;
    const commands = rivals.filter((r) => all.some((c) => c.second === r)).map((r) => `sciml-bench compare ${quoted(first)} ${quoted(r)} ${where}`);
    document.getElementById("again").replaceChildren(...commands.map(commandLine));
    announce(`${all.length} comparisons shown`);
  }

  table(boards, found, first, rivals, count) {
    const table = document.getElementById("duel");
    const head = (text, note, className = "") =>
      node("th", { scope: "col", className }, text, ...(note ? [node("small", {}, note)] : []));
    const heads = [head("Dataset"), ...this.chosen.map((n) => head(n, "95% interval"))];
    for (const rival of rivals) heads.push(head(`over ${rival}`, "95% interval"), head(node("span", { className: "hidden" }, "drawn")), head("p"), head("Better", "", "text"));
    table.tHead.replaceChildren(node("tr", {}, ...heads));
    table.tBodies[0].replaceChildren(...boards.map((board, i) => this.line(board, found[i], spread(found.flat()))));
    const tier = this.pool.split(" ")[0];
    table.caption.firstChild.textContent = rivals.length
      ? `${first} against ${rivals.join(", ")}, tier ${tier}: the error of the first over that of the other on ${boards.length} ` +
        `dataset${boards.length === 1 ? "" : "s"}. Below 1× the first is better. Intervals are 95%; p-values are corrected for ` +
        `${count} comparison${count === 1 ? "" : "s"}.`
      : "Choose at least two methods.";
  }

  line(board, found, span) {
    const title = node("th", { scope: "row" }, node("a", { href: board.page }, board.title), node("small", {}, board.metric));
    const errors = this.chosen.map((name) => {
      const row = board.rows.find((r) => r[0] === name);
      if (!row) return node("td", {}, "–", node("small", {}, "no score"));
      const ends = row[3] === null ? "no interval" : `${number(row[3])} – ${number(row[4])}`;
      return node("td", {}, node("a", { href: row[1] }, node("b", {}, number(row[2]))), node("small", {}, ends));
    });
    const scored = (name) => board.rows.some((row) => row[0] === name);
    const ratios = found.flatMap((c, i) => {
      const why = scored(this.chosen[0]) && scored(this.chosen[i + 1]) ? "not on the same samples" : "only one has a score";
      if (!c) return [node("td", { colSpan: 4, className: "text" }, why)];
      const better = c.ratio < 1 ? c.first : c.second;
      const [text, kind] = c.tied ? ["tie at the floor", "plain"] : c.different ? [better, "good"] : ["not told apart", "plain"];
      return [
        node("td", {}, node("b", {}, `${number(c.ratio)}×`), node("small", {}, `${number(c.low)} – ${number(c.high)}`)),
        node("td", { className: "drawn", innerHTML: drawn(c, span) }),
        node("td", {}, number(c.adjusted, 2)),
        node("td", { className: "text" }, node("span", { className: `flag ${kind}` }, text)),
      ];
    });
    return node("tr", {}, title, ...errors, ...ratios);
  }
}

function commandLine(command) {
  const code = node("pre", { tabIndex: 0 }, node("code", {}, command));
  const button = node("button", { type: "button", className: "copy", ariaLabel: `Copy: ${command}` }, "Copy");
  button.dataset.copy = command;
  return node("div", { className: "command" }, code, button);
}

const contest = document.getElementById("contest");
if (document.getElementById("duel")) new Page(contest);
