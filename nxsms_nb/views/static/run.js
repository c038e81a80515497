// The live panel of a run: draws what the kernel says in the model's "view", which is JSON, and sends the person's Stop.

// A kernel that a cell blocks does not get a button's message; after this long the run's own cell is interrupted instead.
const HEARD_MS = 300;
// The kernel speaks at least once a second; a silence this long is said, since the figures may be old.
const SILENCE_MS = 5000;

const WIDTH = 300;
const HEIGHT = 72;
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// Texts are only ever set as text, never as HTML: a note may quote the gateway, and the gateway may say anything.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function curve(rates, closed) {
  if (!rates.length) return "";
  const values = rates.length > 1 ? rates : [rates[0], rates[0]];
  const top = Math.max(...values, 1e-9);
  const points = values.map(
    (rate, place) =>
      `${((place * WIDTH) / (values.length - 1)).toFixed(1)},${(HEIGHT - (rate / top) * (HEIGHT - 2)).toFixed(1)}`,
  );
  return `M${points.join("L")}${closed ? `L${WIDTH},${HEIGHT}L0,${HEIGHT}Z` : ""}`;
}

function build(tr) {
  const parts = {
    dot: make("span", { class: "nxsms-run-dot", "aria-hidden": "true" }, "●"),
    heading: make("b"),
    money: make("span", { class: "nxsms-badge" }),
    campaign: make("span", { class: "nxsms-run-campaign nxsms-cut" }),
    done: make("span", { class: "nxsms-run-done nxsms-cut" }),
    stop: make("button", { class: "nxsms-button", type: "button", "data-nxsms": "stop" }, tr("■ Stop")),
    bar: make("div", {
      class: "nxsms-run-bar",
      role: "progressbar",
      "aria-label": tr("rows settled"),
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    }),
    counts: make("div", { class: "nxsms-run-grid nxsms-run-counts" }),
    facts: make("div", { class: "nxsms-run-grid nxsms-run-facts" }),
    curve: svg("svg", {
      class: "nxsms-run-curve",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": tr("messages a second over time"),
    }),
    area: svg("path", { class: "area" }),
    line: svg("path", { class: "line" }),
    rows: make("tbody"),
    more: make("div", { class: "nxsms-small" }),
    note: make("div", { class: "nxsms-run-note", role: "status" }),
  };
  parts.curve.append(parts.area, parts.line);
  parts.root = make(
    "div",
    { class: "nxsms nxsms-box nxsms-run", "data-nxsms": "run" },
    make(
      "div",
      { class: "nxsms-run-head" },
      make("span", {}, parts.dot, " ", parts.heading),
      parts.money,
      parts.campaign,
      parts.stop,
      parts.done,
    ),
    parts.bar,
    parts.counts,
    parts.facts,
    make(
      "div",
      { class: "nxsms-run-below" },
      make("div", {}, make("div", { class: "nxsms-small" }, tr("messages a second")), parts.curve),
      make(
        "div",
        {},
        make("div", { class: "nxsms-small" }, tr("failures by code")),
        make("div", { class: "nxsms-run-codes" }, make("table", {}, parts.rows), parts.more),
      ),
    ),
    parts.note,
  );
  return parts;
}

// As many children as there are entries, each made once and written to from then on: nothing flickers.
function each(parent, entries, create, update) {
  while (parent.children.length > entries.length) parent.lastChild.remove();
  entries.forEach((entry, place) => {
    if (!parent.children[place]) parent.append(create());
    update(parent.children[place], entry);
  });
}

function draw(parts, view, tr) {
  const goesOn = view.state === "running" || view.state === "stopping";
  parts.root.dataset.state = view.state;
  write(parts.heading, view.heading);
  write(parts.money, view.money);
  parts.money.dataset.real = view.real;
  write(parts.campaign, view.campaign);
  write(parts.done, view.done);
  parts.bar.setAttribute("aria-valuenow", view.percent);
  parts.bar.setAttribute("aria-valuetext", view.done);
  each(
    parts.bar,
    view.bar,
    () => make("div"),
    (node, [status, share]) => {
      node.dataset.status = status;
      node.style.width = `${share}%`;
    },
  );
  each(
    parts.counts,
    view.counts,
    () => make("div", {}, make("div", { class: "nxsms-run-number" }), make("div", { class: "nxsms-small nxsms-cut" })),
    (node, [status, words, number]) => {
      node.dataset.status = status;
      write(node.children[0], number);
      write(node.children[1], words);
      node.children[1].title = words;
    },
  );
  each(
    parts.facts,
    view.facts,
    () => make("div", {}, make("div", { class: "nxsms-small nxsms-cut" }), make("div", { class: "nxsms-cut" })),
    (node, [name, value]) => {
      write(node.children[0], name);
      write(node.children[1], value);
    },
  );
  parts.area.setAttribute("d", curve(view.rates, true));
  parts.line.setAttribute("d", curve(view.rates, false));
  each(
    parts.rows,
    view.codes,
    () => make("tr", {}, make("td"), make("td", { class: "nxsms-cut" }), make("td")),
    (node, cells) => {
      cells.forEach((cell, place) => write(node.children[place], cell));
      node.children[1].title = cells[1];
    },
  );
  write(parts.more, view.more || (view.codes.length ? "" : tr(goesOn ? "none so far" : "none")));
}

// As JupyterLab does it: the page says where the server is, the cookie proves that the request comes from the page.
async function interrupt(kernel) {
  const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");
  if (!kernel || !config.baseUrl) return false;
  const headers = {};
  const xsrf = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/);
  if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf[1]);
  if (config.token) headers.Authorization = `token ${config.token}`;
  const base = new URL(config.baseUrl, document.baseURI);
  const address = new URL(`api/kernels/${encodeURIComponent(kernel)}/interrupt`, base);
  try {
    return (await fetch(address, { method: "POST", credentials: "same-origin", headers })).ok;
  } catch {
    return false;
  }
}

function render({ model, el }) {
  const words = JSON.parse(model.get("words"));
  const tr = (english) => words[english] ?? english;
  const parts = build(tr);
  const still = document.createElement("style");
  let view = JSON.parse(model.get("view"));
  let heardAt = Date.now();
  let asked = "";

  const show = () => {
    const goesOn = view.state === "running" || view.state === "stopping";
    const silent = Date.now() - heardAt;
    const live = !goesOn || silent < SILENCE_MS;
    parts.root.dataset.live = live ? "yes" : "no";
    draw(parts, live ? view : { ...view, heading: view.was }, tr);
    parts.stop.disabled = view.state !== "running" || asked !== "" || !live;
    write(parts.stop, tr(view.state === "stopping" ? "Stopping…" : asked ? "Stop sent…" : "■ Stop"));
    const recorded = model.get("recorded");
    const rest = recorded ? ` ${tr("Results of its rows:")} ${recorded}` : "";
    const silence = tr("Not live: no news from the kernel for {seconds} s.");
    const said = view.state === "running" && asked ? asked : view.note;
    // What comes and goes while all is well keeps to one line; what matters is shown whole.
    parts.note.classList.toggle("nxsms-cut", live && view.state === "running" && !asked);
    parts.note.title = said;
    write(parts.note, live ? said : silence.replace("{seconds}", Math.round(silent / 1000)) + rest);
  };

  const changed = () => {
    heardAt = Date.now();
    view = JSON.parse(model.get("view"));
    show();
  };

  const stop = async () => {
    // What is clicked after the end would strike the next cell.
    if (view.state !== "running" || asked) return;
    asked = tr("Stop was sent to the kernel.");
    show();
    model.send({ nxsms: "stop" });
    await new Promise((resolve) => setTimeout(resolve, HEARD_MS));
    if (view.state !== "running") return;
    const own = model.get("interrupts");
    if (own && (await interrupt(model.get("kernel")))) {
      // Where something keeps the interrupt from the run, it can be tried again.
      setTimeout(() => {
        asked = "";
        show();
      }, SILENCE_MS);
      return;
    }
    asked = own
      ? tr("Stop takes effect when the kernel is free; to stop now, interrupt the kernel (■ in the notebook's toolbar).")
      : tr("Stop takes effect when the kernel is free.");
    show();
  };

  // The still picture is for pages without this panel.
  still.textContent = `[data-nxsms-still="${model.get("run")}"]{display:none}`;
  parts.stop.addEventListener("click", stop);
  model.on("change:view", changed);
  const timer = setInterval(show, 1000);
  document.head.append(still);
  el.append(parts.root);
  show();
  return () => {
    clearInterval(timer);
    model.off("change:view", changed);
    still.remove();
  };
}

export default { render };
