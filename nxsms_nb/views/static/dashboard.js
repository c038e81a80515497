// The dashboard of a sent frame: draws what the kernel counted, and sends it what a person chooses.

// A kernel that a cell blocks hears of a choice later; after this long that is said.
const PATIENCE_MS = 1500;
// Servers drop what exceeds a megabyte a second.
const NEXT_PART_MS = 450;

// A file comes in parts, compressed; here it is put together and saved.
function receiver(model, done) {
  let parts = [];
  return async (message, buffers) => {
    if (message?.nxsms !== "file") return;
    if (message.part === 0) parts = [];
    parts.push(buffers[0]);
    if (!message.last) {
      setTimeout(() => model.send({ nxsms: "export", part: message.part + 1 }), NEXT_PART_MS);
      return;
    }
    const whole = new Blob(parts).stream().pipeThrough(new DecompressionStream("gzip"));
    const file = new Blob([await new Response(whole).arrayBuffer()], { type: "text/csv" });
    const link = make("a", { href: URL.createObjectURL(file), download: "messages.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    parts = [];
    done();
  };
}

function head(tr, send) {
  const rows = make("b");
  const badge = make("span", { class: "nxsms-badge", "data-real": "false" }, tr("sandbox"));
  const outcome = choice(tr("what counts"), (place) => send({ nxsms: "outcome", value: names[place] }));
  const chips = make("span", { class: "nxsms-dash-chips", role: "group", "aria-label": tr("filters") });
  const reset = plain(tr("Reset"), () => send({ nxsms: "reset" }));
  put(reset, "data-nxsms", "reset");
  const root = make("div", { class: "nxsms-dash-top-line" }, rows, badge, outcome, chips, reset);
  let names = [];
  let removed = null;
  const create = () => {
    const node = make("button", { type: "button", class: "nxsms-dash-chip", "data-nxsms": "chip" },
      make("span", { class: "nxsms-cut" }), make("span", { "aria-hidden": "true" }, "×"));
    node.addEventListener("click", () => {
      removed = node;
      send({ nxsms: "drop", place: [...chips.children].indexOf(node) });
    });
    return node;
  };
  const update = (view) => {
    names = view.outcomes;
    badge.hidden = !view.sandbox;
    outcome.hidden = names.length < 2;
    options(outcome, names.map((name) => tr(name === "delivered" ? "rates of delivery" : "rates of acceptance")), names.indexOf(view.outcome));
    write(rows, view.chips.length
      ? tr(view.total === 1 ? "{chosen} of {total} row" : "{chosen} of {total} rows", { chosen: number(view.chosen), total: number(view.total) })
      : rowsOf(tr, view.total));
    each(chips, view.chips, create, (node, words) => {
      write(node.firstChild, words);
      put(node, "aria-label", tr("remove the filter {filter}", { filter: words }));
      put(node, "title", words);
    });
    // Never disabled: what has the focus keeps it, and it takes back the order of rows too.
    put(reset, "data-idle", view.chips.length ? null : "yes");
    if (removed && !chips.contains(removed.getRootNode().activeElement)) reset.focus();
    removed = null;
  };
  return { root, update, reset };
}

function render({ model, el }) {
  const tr = translator(JSON.parse(model.get("words")));
  const root = make("div", { class: "nxsms nxsms-dash", "data-nxsms": "dashboard", role: "region", "aria-label": tr("Dashboard") });
  const read = (name) => JSON.parse(model.get(name));
  let turn = read("view").turn;
  let waiting = 0;

  const status = make("div", { class: "nxsms-dash-status", role: "status" });
  const spoken = make("div", { class: "nxsms-dash-hidden", "aria-live": "polite" });
  const settle = () => {
    clearTimeout(waiting);
    waiting = 0;
    root.removeAttribute("aria-busy");
  };
  const send = (message, file = false) => {
    try {
      model.send({ ...message, turn });
    } catch {
      write(status, tr("The kernel is gone: run the cell again."));
      return;
    }
    if (file || waiting) return;
    root.setAttribute("aria-busy", "true");
    waiting = setTimeout(() => write(status, tr("The kernel is busy, or gone: a choice takes effect when it is free.")), PATIENCE_MS);
  };

  const top = head(tr, send);
  const pictures = [
    tiles(tr, send),
    reasons(tr, send),
    columns(tr, send, "time", tr("Messages per second over time (UTC)")),
    columns(tr, send, "latency", tr("Latency")),
    groups(tr, send),
    heat(tr, send),
  ];
  const found = findings(tr, send);
  const arms = experiment(tr, send);
  const table = rowsTable(tr, send, read("columns"));
  const code = make("code");
  const copy = plain(tr("Copy"), async () => {
    await navigator.clipboard?.writeText(code.textContent);
  });
  const [tileRow, why, overTime, latency, byGroup, byTwo] = pictures.map((picture) => picture.root);
  root.append(
    top.root,
    tileRow,
    status,
    make("div", { class: "nxsms-dash-grid" },
      why, make("div", { class: "nxsms-dash-pair" }, overTime, latency), byGroup, byTwo, found.root, arms.root),
    table.root,
    make("div", { class: "nxsms-dash-code" }, make("span", { class: "nxsms-small" }, tr("these rows:")), code, copy),
    spoken,
  );
  const tip = tooltip(root);

  const show = () => {
    const view = read("view");
    const drivers = read("drivers");
    turn = view.turn;
    settle();
    top.update(view);
    pictures.forEach((picture) => picture.update(view));
    found.update(view, drivers);
    arms.update(view, read("experiment"));
    write(code, view.code);
    write(status, view.trouble);
    tip.hide();
  };
  const page = () => {
    settle();
    const now = read("table");
    table.update(now);
    write(spoken, rowsOf(tr, now.total));
  };
  const worked = () => {
    settle();
    write(status, read("view").trouble);
    found.update(read("view"), read("drivers"));
    arms.update(read("view"), read("experiment"));
  };
  const receive = receiver(model, () => {
    table.exporting.disabled = false;
  });

  // The static picture is for pages without this one.
  const still = document.createElement("style");
  still.textContent = `[data-nxsms-still="${model.get("board")}"]{display:none}`;
  document.head.append(still);
  el.append(root);
  show();
  page();
  const heard = { "change:view": show, "change:table": page, "change:drivers": worked, "change:experiment": worked, "msg:custom": receive };
  for (const [event, handle] of Object.entries(heard)) model.on(event, handle);
  return () => {
    settle();
    for (const [event, handle] of Object.entries(heard)) model.off(event, handle);
    still.remove();
  };
}

export default { render };
