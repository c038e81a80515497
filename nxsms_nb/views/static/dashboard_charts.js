// Tiles, the bars of reasons, and columns over time or latency with a range to choose.

function tiles(tr, send) {
  const root = make("div", { class: "nxsms-dash-tiles", role: "group", "aria-label": tr("rows by status") });
  const create = () => {
    const node = make(
      "button",
      { type: "button", class: "nxsms-dash-tile", "data-nxsms": "tile" },
      make("span", { class: "nxsms-dash-big" }),
      make("span", { class: "nxsms-dash-share" }),
      make("span", { class: "nxsms-small nxsms-cut" }),
    );
    node.addEventListener("click", () => send({ nxsms: "status", value: node.dataset.value }));
    return node;
  };
  const update = (view) =>
    each(root, view.tiles, create, (node, tile) => {
      put(node, "data-value", tile.status);
      put(node, "data-status", tile.status);
      mark(node, tile.on);
      write(node.children[0], number(tile.rows));
      write(node.children[1], tile.share === null ? "" : percent(tile.share));
      write(node.children[2], tile.words);
      const rows = rowsOf(tr, tile.rows);
      const share = tile.share === null ? "" : `, ${tr("{share} of the answered", { share: percent(tile.share) })}`;
      put(node, "aria-label", `${tile.words}: ${rows}${share}`);
      node.nxsmsTip = `${tile.words}\n${rows}${share}`;
    });
  return { root, update };
}

function reasons(tr, send) {
  const list = make("div", { class: "nxsms-dash-scroll", role: "group", "aria-label": tr("reasons") });
  const none = make("div", { class: "nxsms-small" });
  const root = card(
    tr("Why messages failed"),
    "reasons",
    make("div", { class: "nxsms-dash-head" }, heading(tr("Why messages failed"))),
    none,
    list,
  );
  const create = () => {
    const node = make(
      "button",
      { type: "button", class: "nxsms-dash-bar", "data-nxsms": "bar" },
      make("span", { class: "nxsms-dash-name nxsms-cut" }),
      make("span", { class: "nxsms-dash-figure" }),
      make("span", { class: "nxsms-dash-track" }, make("span")),
    );
    node.addEventListener("click", () => send({ nxsms: "reason", level: node.nxsmsLevel }));
    return node;
  };
  const update = (view) => {
    // The order is the same whatever is chosen; what has no rows and is not chosen makes room for what has.
    const shown = view.reasons.filter((one) => one.rows || one.on);
    const most = Math.max(1, ...shown.map((one) => one.rows));
    write(none, shown.length ? "" : tr("Nothing failed among these rows."));
    each(list, shown, create, (node, one) => {
      node.nxsmsLevel = one.level;
      put(node, "data-value", one.value);
      put(node, "data-status", one.status);
      mark(node, one.on);
      const name = `${one.name} ${one.words}`.trim();
      write(node.children[0], one.status === "Failure" ? name : `${one.label}: ${name}`);
      write(node.children[1], number(one.rows) + (one.share === null ? "" : ` · ${percent(one.share)}`));
      node.children[2].firstChild.style.width = `${(100 * one.rows) / most}%`;
      const rows = rowsOf(tr, one.rows);
      const share =
        one.share === null
          ? ""
          : tr("{share} of the answered (95%: {low} to {high})", {
              share: percent(one.share),
              low: percent(one.low),
              high: percent(one.high),
            });
      put(node, "aria-label", [one.label, name, rows, share].filter(Boolean).join(", "));
      node.nxsmsTip = [one.label, name, rows, share].filter(Boolean).join("\n");
    });
  };
  return { root, update };
}

const SERIES = ["good", "failed", "rest"];

function milliseconds(value) {
  return value < 1000 ? `${Number(value.toPrecision(3))} ms` : `${Number((value / 1000).toPrecision(3))} s`;
}

// A level for each interval that has one; closed, the area below it.
function steps(values, most, closed) {
  return values
    .map((value, bin) => {
      if (value === null) return "";
      const height = 100 - (96 * value) / most;
      return closed ? `M${bin},100V${height}H${bin + 1}V100Z` : `M${bin},${height}H${bin + 1}`;
    })
    .join("");
}

// Columns over one another, and a range of them to choose: dragged, or with the arrow keys and Enter.
function columns(tr, send, which, title) {
  const paths = SERIES.map((name) => svg("path", { class: `nxsms-dash-${name}` }));
  const picture = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" }, ...paths);
  // Below the columns over time: the latency of half and of nearly all rows.
  const lines = ["slow", "median"].map((name) => svg("path", { class: `nxsms-dash-${name}` }));
  const curve = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true", class: "nxsms-dash-curve" }, ...lines);
  const about = make("div", { class: "nxsms-small nxsms-dash-strip" });
  const range = make("div", { class: "nxsms-dash-range", hidden: "" });
  const cursor = make("div", { class: "nxsms-dash-cursor", hidden: "" });
  const top = make("div", { class: "nxsms-small nxsms-dash-top" });
  const plot = make(
    "div",
    {
      class: "nxsms-dash-plot",
      tabindex: "0",
      role: "slider",
      "data-nxsms": "range",
      "data-value": which,
      "aria-label": `${title}. ${tr("Arrows move, Shift and arrows extend, Enter chooses, Escape takes the choice back.")}`,
      "aria-valuemin": "0",
    },
    picture,
    ...(which === "time" ? [curve, about] : []),
    range,
    cursor,
  );
  const edges = make("div", { class: "nxsms-small nxsms-dash-edges" });
  const root = card(title, "columns", make("div", { class: "nxsms-dash-head" }, heading(title), top), plot, edges);
  let scale = null;
  let at = 0;
  let anchor = 0;
  let dragging = false;

  const count = () => (scale ? scale.good.length : 0);
  const figures = (place) => {
    const [good, failed, rest] = SERIES.map((name) => scale[name][place]);
    const lines = [
      tr("{low} to {high}", { low: scale.labels[place], high: scale.labels[place + 1] }),
      rowsOf(tr, good + failed + rest),
    ];
    if (scale.seconds) lines[1] += ` · ${tr("{amount} a second", { amount: number(Math.round((good + failed + rest) / scale.seconds)) })}`;
    lines.push(tr("{failed} of {answered} failed ({rate})", {
      failed: number(failed),
      answered: number(good + failed),
      rate: percent(good + failed ? failed / (good + failed) : null),
    }));
    if (scale.median && scale.median[place] !== null)
      lines.push(tr("latency: half within {median}, 95% within {slow}", { median: milliseconds(scale.median[place]), slow: milliseconds(scale.slow[place]) }));
    return lines;
  };
  const span = (node, first, last) => {
    node.hidden = count() === 0;
    node.style.left = `${(100 * first) / count()}%`;
    node.style.width = `${(100 * (last - first + 1)) / count()}%`;
  };
  const show = () => {
    const held = scale.on;
    const live = dragging || anchor !== at;
    const [first, last] = live ? [Math.min(anchor, at), Math.max(anchor, at)] : held ?? [0, -1];
    span(range, first, last);
    range.hidden = last < first;
    put(plot, "data-on", held ? "yes" : null);
    span(cursor, at, at);
    cursor.hidden = document.activeElement !== plot && plot.getRootNode().activeElement !== plot;
    put(plot, "aria-valuenow", at);
    put(plot, "aria-valuetext", count() ? figures(at).join(", ") : "");
  };
  const choose = () => {
    const [first, last] = [Math.min(anchor, at), Math.max(anchor, at)];
    const again = scale.on && scale.on[0] === first && scale.on[1] === last;
    anchor = at;
    send(again ? { nxsms: "range", which } : { nxsms: "range", which, first, last });
  };
  const place = (event) => {
    const area = plot.getBoundingClientRect();
    return Math.min(count() - 1, Math.max(0, Math.floor(((event.clientX - area.left) / area.width) * count())));
  };
  plot.addEventListener("pointerdown", (event) => {
    if (!count() || event.button) return;
    plot.setPointerCapture(event.pointerId);
    dragging = true;
    anchor = at = place(event);
    show();
  });
  plot.addEventListener("pointermove", (event) => {
    if (!count()) return;
    const here = place(event);
    plot.nxsmsTip = figures(here).join("\n");
    if (!dragging) return;
    at = here;
    show();
  });
  plot.addEventListener("pointerup", () => {
    if (!dragging) return;
    choose();
    dragging = false;
  });
  plot.addEventListener("pointercancel", () => {
    dragging = false;
    anchor = at;
    show();
  });
  plot.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: count() - 1 };
    if (event.key in moves && count()) {
      at = Math.min(count() - 1, Math.max(0, moves[event.key]));
      if (!event.shiftKey) anchor = at;
      plot.nxsmsTip = figures(at).join("\n");
      show();
    } else if (event.key === "Enter" || event.key === " ") {
      if (count()) choose();
    } else if (event.key === "Escape" && scale.on) {
      anchor = at;
      send({ nxsms: "range", which });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  plot.addEventListener("focus", show, true);
  plot.addEventListener("blur", () => {
    anchor = at;
    show();
  });

  const update = (view) => {
    scale = view[which];
    const bins = count();
    const totals = scale.good.map((_, bin) => SERIES.reduce((sum, name) => sum + scale[name][bin], 0));
    const most = Math.max(1, ...totals);
    const base = totals.map(() => 0);
    put(picture, "viewBox", `0 0 ${Math.max(bins, 1)} ${most}`);
    SERIES.forEach((name, series) => {
      const drawn = scale[name].map((rows, bin) => {
        if (!rows) return "";
        const path = `M${bin + 0.06},${most - base[bin]}v${-rows}h0.88v${rows}z`;
        base[bin] += rows;
        return path;
      });
      put(paths[series], "d", drawn.join(""));
    });
    if (scale.median) {
      const slowest = Math.max(1e-9, ...scale.slow.filter((value) => value !== null));
      put(curve, "viewBox", `0 0 ${Math.max(bins, 1)} 100`);
      put(lines[0], "d", steps(scale.slow, slowest, true));
      put(lines[1], "d", steps(scale.median, slowest, false));
      write(about, bins ? tr("latency, half and 95%: up to {time}", { time: milliseconds(slowest) }) : "");
    }
    at = Math.min(at, Math.max(0, bins - 1));
    anchor = dragging ? anchor : at;
    plot.nxsmsTip = bins ? figures(at).join("\n") : "";
    put(plot, "aria-valuemax", Math.max(0, bins - 1));
    write(top, !bins ? tr("none") : scale.seconds
      ? tr("up to {amount} a second", { amount: number(Math.round(most / scale.seconds)) })
      : tr(most === 1 ? "up to {rows} row" : "up to {rows} rows", { rows: number(most) }));
    const marks = bins ? [0, Math.floor(bins / 2), bins].map((edge) => scale.labels[edge].replace(/\.000$/, "")) : [];
    each(edges, marks, () => make("span"), write);
    show();
  };
  return { root, update };
}
