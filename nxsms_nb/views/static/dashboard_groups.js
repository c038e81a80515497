// Failure rates by group, the map of two columns, and what is worked out on demand.

function rateTip(tr, one) {
  if (!one.answered) return [rowsOf(tr, one.rows), tr("none answered")];
  const values = { failed: number(one.failed), answered: number(one.answered), rate: percent(one.rate) };
  return [
    tr("{failed} of {answered} failed ({rate})", values),
    tr("95%: {low} to {high}", { low: percent(one.low), high: percent(one.high) }),
  ];
}

function groups(tr, send) {
  const title = tr("Failure rate by");
  const column = choice(title, (place) => send({ nxsms: "column", role: "group", column: place }));
  const byRate = make("input", { type: "checkbox" });
  const sorting = make("label", { class: "nxsms-small nxsms-dash-check" }, byRate, ` ${tr("highest first")}`);
  const list = make("div", { class: "nxsms-dash-scroll", role: "group", "aria-label": title });
  const refused = make("details", { class: "nxsms-small nxsms-dash-refused" }, make("summary"), make("ul"));
  const overall = make("div", { class: "nxsms-small" });
  const root = card(
    title,
    "groups",
    make("div", { class: "nxsms-dash-head" }, heading(title), column, sorting),
    overall,
    list,
    refused,
  );
  let last = null;
  byRate.addEventListener("change", () => update(last));
  const create = () => {
    const node = make(
      "button",
      { type: "button", class: "nxsms-dash-group", "data-nxsms": "group" },
      make("span", { class: "nxsms-dash-name nxsms-cut" }),
      make("span", { class: "nxsms-dash-dots" }, make("i"), make("b"), make("u")),
      make("span", { class: "nxsms-dash-figure" }),
      make("span", { class: "nxsms-dash-figure nxsms-small" }),
    );
    node.addEventListener("click", () =>
      send({ nxsms: "level", column: Number(column.value), level: node.nxsmsLevel }),
    );
    return node;
  };
  const update = (view) => {
    last = view;
    const shown = view.groups;
    root.hidden = !shown;
    if (!shown) return;
    options(column, view.columns, shown.column);
    const rows = byRate.checked
      ? [...shown.rows].sort((one, other) => (other.low ?? -1) - (one.low ?? -1))
      : shown.rows;
    // A group of three rows has an interval of nearly everything: it may run out of the picture.
    const rates = shown.rows.filter((one) => one.answered > 4).map((one) => one.rate);
    const most = Math.min(1, Math.max(0.01, 1.25 * Math.max(shown.overall.rate ?? 0, ...rates)));
    const at = (rate) => `${Math.min(100, (100 * (rate ?? 0)) / most)}%`;
    write(overall, shown.overall.answered
      ? tr("all of these: {rate} of {answered} answered", {
          rate: percent(shown.overall.rate),
          answered: number(shown.overall.answered),
        })
      : tr("none answered"));
    each(list, rows, create, (node, one) => {
      node.nxsmsLevel = one.level;
      put(node, "data-value", one.name);
      put(node, "aria-disabled", one.other ? "true" : null);
      mark(node, one.on);
      write(node.children[0], one.name);
      const [interval, dot, line] = node.children[1].children;
      node.children[1].dataset.empty = one.answered ? "no" : "yes";
      interval.style.left = at(one.low);
      interval.style.width = `calc(${at(one.high)} - ${at(one.low)})`;
      dot.style.left = at(one.rate);
      line.style.left = at(shown.overall.rate);
      write(node.children[2], percent(one.rate));
      write(node.children[3], one.answered ? `${number(one.failed)} / ${number(one.answered)}` : "–");
      const lines = rateTip(tr, one);
      node.nxsmsTip = [one.name, ...lines].join("\n");
      put(node, "aria-label", [one.name, ...lines].join(", "));
    });
    refused.hidden = !view.refused.length;
    write(refused.firstChild, tr(view.refused.length === 1 ? "{number} column makes no groups" : "{number} columns make no groups", { number: view.refused.length }));
    each(refused.lastChild, view.refused, () => make("li"), (node, [name, why]) => write(node, `${name}: ${why}`));
  };
  return { root, update };
}

// A table in which the arrow keys move: one stop for the Tab key, however many cells there are.
function heat(tr, send) {
  const title = tr("Failure rate by two columns");
  const row = choice(tr("rows of the map"), (place) => send({ nxsms: "column", role: "row", column: place }));
  const column = choice(tr("columns of the map"), (place) => send({ nxsms: "column", role: "column", column: place }));
  const body = make("table", { class: "nxsms-dash-heat", role: "grid", "aria-label": title });
  const root = card(
    title,
    "map",
    make("div", { class: "nxsms-dash-head" }, heading(tr("Failure rate by")), row, make("span", { "aria-hidden": "true" }, "×"), column),
    make("div", { class: "nxsms-dash-scroll" }, body),
  );
  let stop = [0, 0];
  const cellAt = ([y, x]) => body.rows[y + 1]?.cells[x + 1]?.firstChild;
  body.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (!step) return;
    const next = cellAt([stop[0] + step[0], stop[1] + step[1]]);
    if (next) next.focus();
    event.preventDefault();
    event.stopPropagation();
  });
  body.addEventListener("focusin", (event) => {
    const place = event.target.nxsmsPlace;
    if (!place) return;
    cellAt(stop)?.setAttribute("tabindex", "-1");
    stop = place;
    event.target.setAttribute("tabindex", "0");
  });
  const create = () => {
    const node = make("button", { type: "button", "data-nxsms": "cell", tabindex: "-1" });
    node.addEventListener("click", () => {
      const [y, x] = node.nxsmsPlace;
      send({ nxsms: "cell", row: y, column: x });
    });
    return make("td", { role: "gridcell" }, node);
  };
  const update = (view) => {
    const map = view.heat;
    root.hidden = !map;
    if (!map) return;
    options(row, view.columns, map.row);
    options(column, view.columns, map.column);
    const rates = map.failed.flatMap((line, y) =>
      line.map((failed, x) => (map.answered[y][x] > 4 ? failed / map.answered[y][x] : 0)),
    );
    const most = Math.max(0.01, ...rates);
    const chosen = map.on[0] !== null || map.on[1] !== null;
    if (stop[0] >= map.rows.length || stop[1] >= map.columns.length) stop = [0, 0];
    each(body, ["head", ...map.rows], () => make("tr", { role: "row" }), (line, name, place) => {
      const head = place === 0;
      if (!line.firstChild) line.append(make("th", { role: head ? "columnheader" : "rowheader" }));
      write(line.firstChild, head ? "%" : name);
      put(line.firstChild, "title", head ? null : name);
      while (line.cells.length > map.columns.length + 1) line.lastChild.remove();
      map.columns.forEach((other, x) => {
        if (!line.cells[x + 1])
          line.append(head ? make("th", { role: "columnheader" }, make("span")) : create());
        if (head) {
          write(line.cells[x + 1].firstChild, other);
          put(line.cells[x + 1], "title", other);
          return;
        }
        const y = place - 1;
        const node = line.cells[x + 1].firstChild;
        const [failed, answered] = [map.failed[y][x], map.answered[y][x]];
        const rate = answered ? failed / answered : null;
        node.nxsmsPlace = [y, x];
        put(node, "tabindex", stop[0] === y && stop[1] === x ? "0" : "-1");
        put(node, "data-value", `${name} × ${other}`);
        put(node, "aria-disabled", map.others[0][y] || map.others[1][x] ? "true" : null);
        node.style.setProperty("--nxsms-heat", `${rate === null ? 0 : Math.min(100, (72 * rate) / most).toFixed(1)}%`);
        write(node, answered ? (rate === 0 ? "0" : `${(100 * rate).toFixed(rate < 0.0995 ? 1 : 0)}`) : "");
        mark(node, chosen ? (map.on[0] ?? y) === y && (map.on[1] ?? x) === x : null);
        const figures = answered
          ? tr("{failed} of {answered} failed ({rate})", { failed: number(failed), answered: number(answered), rate: percent(rate) })
          : tr("none answered");
        node.nxsmsTip = `${name} × ${other}\n${figures}`;
        put(node, "aria-label", `${name} × ${other}: ${figures}`);
      });
    });
  };
  return { root, update };
}

function findings(tr, send) {
  const title = tr("What goes with failure");
  const ask = plain(tr("Find it"), () => send({ nxsms: "drivers" }));
  put(ask, "data-nxsms", "find");
  const about = make("span", { class: "nxsms-small nxsms-cut" });
  const list = make("div", { class: "nxsms-dash-scroll", role: "group", "aria-label": title });
  const note = make("div", { class: "nxsms-small nxsms-dash-note", role: "status" });
  const root = card(title, "found", make("div", { class: "nxsms-dash-head" }, heading(title), ask, about), note, list);
  const create = () => {
    const node = make(
      "button",
      { type: "button", class: "nxsms-dash-driver", "data-nxsms": "driver" },
      make("span", { class: "nxsms-dash-name nxsms-cut" }),
      make("span", { class: "nxsms-dash-figure" }),
      make("span", { class: "nxsms-small" }),
    );
    node.addEventListener("click", () => send({ nxsms: "slice", place: node.nxsmsPlace }));
    return node;
  };
  const update = (view, found) => {
    const busy = found.state === "working";
    ask.disabled = busy;
    write(ask, busy ? tr("Looking…") : found.state === "idle" ? tr("Find it") : tr("Find it again"));
    write(about, found.about);
    write(note, found.state === "idle"
      ? tr("Searches all columns, and pairs of them, for values whose rows fail more often than chance explains. Works in the background, for the rows that are chosen.")
      : busy ? tr("Working in the background: everything else can be used meanwhile.") : found.note);
    each(list, found.rows, create, (node, one, place) => {
      node.nxsmsPlace = place;
      put(node, "data-value", one.where);
      mark(node, view.slices[place] ? true : view.slices.some(Boolean) ? false : null);
      write(node.children[0], one.where);
      write(node.children[1], tr("{rate} of {rows}", { rate: percent(one.rate), rows: number(one.rows) }));
      const said = [
        tr("{rate} of the rest", { rate: percent(one.rest) }),
        tr("{number} more than expected", { number: number(Math.round(one.excess)) }),
        one.code && tr("mostly {code}", { code: one.code }),
      ];
      write(node.children[2], said.filter(Boolean).join(" · "));
      node.nxsmsTip = [one.where, ...rateTip(tr, { ...one, answered: one.rows }), ...said.filter(Boolean), one.advice]
        .filter(Boolean).join("\n");
      put(node, "aria-label", node.nxsmsTip.replaceAll("\n", ", "));
    });
  };
  return { root, update };
}

function experiment(tr, send) {
  const title = tr("Experiment");
  const ask = plain(tr("Compare"), () => send({ nxsms: "experiment" }));
  put(ask, "data-nxsms", "compare");
  const about = make("span", { class: "nxsms-small nxsms-cut" });
  const note = make("div", { class: "nxsms-small nxsms-dash-note", role: "status" });
  const heads = make("tr", {}, ...[tr("arm"), tr("rows"), tr("rate"), tr("difference"), "p"].map((name, place) =>
    make("th", place ? { class: "right" } : {}, name)));
  const body = make("tbody");
  const table = make("table", { class: "nxsms-dash-arms" }, make("thead", {}, heads), body);
  const root = card(
    title,
    "experiment",
    make("div", { class: "nxsms-dash-head" }, heading(title), ask, about),
    make("div", { class: "nxsms-dash-scroll" }, table, note),
  );
  const update = (view, found) => {
    root.hidden = view.experiment === null;
    const busy = found.state === "working";
    ask.disabled = busy;
    write(ask, busy ? tr("Comparing…") : found.state === "idle" ? tr("Compare") : tr("Compare again"));
    write(about, found.about);
    table.hidden = !found.rows.length;
    write(note, found.state === "idle"
      ? tr("Compares the arms in column {column}, in the background, for the rows that are chosen.", { column: view.experiment })
      : found.note);
    each(body, found.rows, () => make("tr", {}, ...[0, 1, 2, 3, 4].map((place) => make("td", place ? { class: "right" } : {}))), (line, one) => {
      const cells = [
        one.arm,
        number(one.n),
        `${percent(one.rate)} (${percent(one.low)}–${percent(one.high)})`,
        one.diff === null ? "" : `${points(one.diff)} (${points(one.diff_low)} … ${points(one.diff_high)})`,
        one.p_adjusted === null ? "" : one.p_adjusted < 0.001 ? "<0.001" : one.p_adjusted.toFixed(3),
      ];
      cells.forEach((text, place) => write(line.cells[place], text));
    });
  };
  return { root, update };
}
