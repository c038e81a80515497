// Compose: sends what is typed to the kernel, and draws what the kernel says of it in the model's "view", which is JSON.

// After a pause this long in typing, the kernel is asked.
const PAUSE_MS = 150;
// A kernel that a cell keeps busy does not answer; after this long the page says so.
const BUSY_MS = 3000;
// A page that still shows a check after this long asks for it again, once.
const UNHEARD_MS = 5000;
const COPIED_MS = 2000;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Texts are only ever set as text, never as HTML: cells and templates may hold anything.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function each(parent, entries, create, update) {
  while (parent.children.length > entries.length) parent.lastChild.remove();
  entries.forEach((entry, place) => {
    if (!parent.children[place]) parent.append(create());
    update(parent.children[place], entry);
  });
}

function build(tr, id) {
  const parts = {
    money: make("span", { class: "nxsms-badge" }),
    campaign: make("span", { class: "nxsms-compose-campaign nxsms-cut" }),
    rows: make("span"),
    field: make("textarea", {
      "data-nxsms": "template",
      id: `${id}-text`,
      rows: "3",
      spellcheck: "true",
      "aria-describedby": `${id}-error`,
      placeholder: tr("Hi {name|there}, …"),
    }),
    columns: make("div", { class: "nxsms-compose-columns", role: "group", "aria-label": tr("Insert a column") }),
    error: make("div", { class: "nxsms-compose-error", id: `${id}-error`, role: "status", "data-nxsms": "template-error" }),
    preview: make("div", { class: "nxsms-compose-rows", role: "group", "aria-label": tr("Real rows, as they would be sent") }),
    empty: make("div", { class: "nxsms-compose-empty" }, tr("Write a text: real rows show it here, as it would be sent.")),
    figures: make("div", { class: "nxsms-compose-figures nxsms-compose-stale", "data-nxsms": "figures" }),
    status: make("span", { class: "nxsms-small", role: "status" }),
    whole: make("button", { class: "nxsms-button", type: "button", "data-nxsms": "whole" }, tr("Check every row")),
    list: make("ul", { class: "nxsms-compose-list nxsms-compose-stale", "data-nxsms": "problems" }),
    offered: make("span"),
    plain: make("button", { class: "nxsms-button", type: "button", "data-nxsms": "plain" }),
    code: make("pre", { "data-nxsms": "code", tabindex: "0", "aria-label": tr("The lines to paste") }),
    copy: make("button", { class: "nxsms-button", type: "button", "data-nxsms": "copy" }, tr("Copy")),
  };
  parts.offer = make("div", { class: "nxsms-compose-offer", "data-nxsms": "offer" }, parts.plain, parts.offered);
  parts.lines = make("div", { class: "nxsms-compose-lines" }, parts.code, parts.copy);
  parts.root = make(
    "div",
    { class: "nxsms nxsms-box nxsms-compose", "data-nxsms": "compose" },
    make("div", { class: "nxsms-compose-head" }, make("b", {}, tr("Compose")), parts.money, parts.campaign, parts.rows),
    make("label", { for: `${id}-text` }, tr("Text")),
    parts.field,
    parts.columns,
    parts.error,
    parts.preview,
    parts.figures,
    make("div", { class: "nxsms-compose-status" }, parts.status, parts.whole),
    parts.list,
    parts.offer,
    parts.lines,
  );
  return parts;
}

// Characters that a plain one can stand for are marked where it would make the text cheaper.
function text(node, content, special) {
  const pieces = content.split(new RegExp(`([${special}])`, "u"));
  const wanted = pieces.map((piece, place) => (place % 2 ? make("mark", {}, piece) : piece)).filter((piece) => piece !== "");
  if (node.textContent !== content || node.childNodes.length !== wanted.length) node.replaceChildren(...wanted);
}

function card() {
  return make(
    "div",
    { "data-nxsms": "preview" },
    make("div", { class: "nxsms-compose-top nxsms-small" }, make("span", { class: "nxsms-cut" }), make("span")),
    make("div", { class: "nxsms-compose-text" }),
    make("div", { class: "nxsms-small" }),
  );
}

function draw(parts, view, tr) {
  parts.root.dataset.state = view.error ? "error" : view.state;
  write(parts.money, view.money);
  parts.money.dataset.real = view.real;
  write(parts.campaign, view.campaign);
  write(parts.rows, view.rows);
  const said = view.error || view.lacking;
  write(parts.error, said);
  parts.error.dataset.kind = view.error ? "error" : said ? "warning" : "";
  parts.field.setAttribute("aria-invalid", view.error ? "true" : "false");
  if (view.preview.length && parts.empty.isConnected) parts.empty.remove();
  each(parts.preview, view.preview, card, (node, row) => {
    const [top, bubble, size] = node.children;
    write(top.children[0], row.why.join(" · "));
    write(top.children[1], row.to);
    bubble.dataset.missing = row.text === null;
    text(bubble, row.text ?? "", row.marked ? view.special : "\u{10ffff}");
    write(size, row.size);
  });
  if (!view.preview.length) parts.preview.append(parts.empty);
  each(
    parts.figures,
    [...view.totals, ...view.fates],
    () => make("div", {}, make("div", { class: "nxsms-compose-number" }), make("div", { class: "nxsms-small" })),
    (node, [name, number]) => {
      write(node.children[0], number);
      write(node.children[1], name);
    },
  );
  parts.whole.hidden = !view.estimate;
  const lines = [
    ...view.problems.map(([rule, rows, hint]) => ["problem", rule, `${rows} – ${hint}`]),
    ...view.costly.lines.map((line) => ["costly", "", line]),
    ...view.notes.map((line) => ["note", "", line]),
  ];
  each(
    parts.list,
    lines,
    () => make("li", {}, make("code"), " ", make("span")),
    (node, [kind, rule, words]) => {
      node.dataset.kind = kind;
      write(node.children[0], rule);
      write(node.children[1], words);
    },
  );
  parts.offer.hidden = !view.costly.offer && !view.plain;
  write(parts.offered, view.plain ? tr("Plain characters are used, by nx.plain.") : view.costly.offer);
  write(parts.plain, tr(view.plain ? "Keep the characters" : "Use plain characters"));
  write(parts.code, view.code);
  parts.lines.hidden = !view.code;
  parts.copy.disabled = view.error !== "";
}

async function copied(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    // Pages that are not served over https have no clipboard: what is selected can be copied by hand.
    getSelection().selectAllChildren(node);
    return document.execCommand("copy");
  }
}

function render({ model, el }) {
  const words = JSON.parse(model.get("words"));
  const tr = (english) => words[english] ?? english;
  const id = `nxsms-${model.get("compose")}-${Math.random().toString(36).slice(2)}`;
  const parts = build(tr, id);
  const still = document.createElement("style");
  const sent = new Set();
  let view = JSON.parse(model.get("view"));
  let number = view.number;
  let askedAt = 0;
  let pause = 0;
  let whole = false;

  const show = () => {
    draw(parts, view, tr);
    const waits = view.number < number;
    const busy = waits && Date.now() - askedAt > BUSY_MS;
    if (waits && !view.error) parts.root.dataset.state = "checking";
    const checking = waits || view.state === "checking";
    write(parts.status, busy ? tr("The kernel is busy with a cell.") : checking ? tr("checking…") : view.estimate);
  };

  const ask = (plain = view.plain) => {
    clearTimeout(pause);
    number += 1;
    askedAt = Date.now();
    sent.add(parts.field.value);
    try {
      model.send({ nxsms: "compose", template: parts.field.value, plain, whole, number });
      show();
    } catch {
      write(parts.status, tr("The kernel is gone: run the cell again."));
    }
  };

  const typed = () => {
    clearTimeout(pause);
    pause = setTimeout(ask, PAUSE_MS);
  };

  const insert = (column) => {
    const { field } = parts;
    field.focus();
    field.setRangeText(`{${column}}`, field.selectionStart, field.selectionEnd, "end");
    typed();
  };

  const changed = () => {
    view = JSON.parse(model.get("view"));
    show();
  };

  const set = () => {
    const given = model.get("template");
    // What this page sent comes back, and must not overwrite what was typed since.
    if (!sent.has(given)) parts.field.value = given;
  };

  still.textContent = `[data-nxsms-still="${model.get("compose")}"]{display:none}`;
  parts.field.value = model.get("template");
  for (const column of view.columns) {
    const button = make("button", { class: "nxsms-button", type: "button", "data-nxsms": "column" }, column);
    button.addEventListener("click", () => insert(column));
    parts.columns.append(button);
  }
  parts.field.addEventListener("input", typed);
  // The notebook's own shortcuts stay away from what is typed here.
  parts.field.addEventListener("keydown", (event) => event.stopPropagation());
  parts.plain.addEventListener("click", () => ask(!view.plain));
  parts.whole.addEventListener("click", () => {
    whole = true;
    ask();
  });
  parts.copy.addEventListener("click", async () => {
    write(parts.copy, tr((await copied(parts.code)) ? "Copied" : "Press Ctrl+C"));
    setTimeout(() => write(parts.copy, tr("Copy")), COPIED_MS);
  });
  model.on("change:view", changed);
  model.on("change:template", set);
  const timer = setInterval(show, 1000);
  // The answer may have come before this page listened, but after it had read the widget's state, as in Voila.
  const unheard = setTimeout(() => {
    if (view.state === "checking" && view.number === number) ask();
  }, UNHEARD_MS);
  document.head.append(still);
  el.append(parts.root);
  show();
  return () => {
    clearTimeout(pause);
    clearInterval(timer);
    clearTimeout(unheard);
    model.off("change:view", changed);
    model.off("change:template", set);
    still.remove();
  };
}

export default { render };
