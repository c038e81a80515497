// What the parts of the dashboard share. These files stand in one module, one after the other; the last one exports.

const SVG = "http://www.w3.org/2000/svg";

function put(node, name, value) {
  if (value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) put(node, name, value);
  node.append(...children);
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Texts are only ever set as text, never as HTML: a cell of the frame may hold anything.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// As many children as there are entries, each made once and written to from then on: the focus stays, nothing flickers.
function each(parent, entries, create, update) {
  while (parent.children.length > entries.length) parent.lastChild.remove();
  entries.forEach((entry, place) => {
    if (!parent.children[place]) parent.append(create());
    update(parent.children[place], entry, place);
  });
}

function number(value) {
  return value.toLocaleString("en-US");
}

// Never 0% for something or 100% for less than all.
function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share === 0 || share === 1) return `${share * 100}%`;
  if (share < 0.001) return "<0.1%";
  return share > 0.999 ? ">99.9%" : `${(share * 100).toFixed(1)}%`;
}

function points(difference) {
  const value = difference * 100;
  return `${value > 0 ? "+" : value < 0 ? "−" : "±"}${Math.abs(value).toFixed(1)}`;
}

function translator(words) {
  return (english, values = {}) =>
    (words[english] ?? english).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function rowsOf(tr, rows) {
  return tr(rows === 1 ? "{rows} row" : "{rows} rows", { rows: number(rows) });
}

// One choice of several, and what it means to be chosen, for eyes and for a screen reader.
function mark(node, on) {
  put(node, "aria-pressed", on === true ? "true" : "false");
  put(node, "data-on", on === null || on === undefined ? null : on ? "yes" : "no");
}

// Figures beside the pointer, or beside what has the focus.
function tooltip(root) {
  const box = make("div", { class: "nxsms-dash-tip", "aria-hidden": "true", hidden: "" });
  const show = (node, x, y) => {
    write(box, node.nxsmsTip);
    box.hidden = false;
    const area = root.getBoundingClientRect();
    const left = Math.min(Math.max(x - area.left + 14, 4), Math.max(4, area.width - box.offsetWidth - 4));
    const above = y - area.top - box.offsetHeight - 12;
    box.style.left = `${left}px`;
    box.style.top = `${above > 4 ? above : y - area.top + 20}px`;
  };
  const hide = () => {
    box.hidden = true;
    write(box, "");
  };
  const holder = (event) => {
    for (let node = event.target; node && node !== root; node = node.parentElement) if (node.nxsmsTip) return node;
    return null;
  };
  root.addEventListener("pointermove", (event) => {
    const node = holder(event);
    if (node) show(node, event.clientX, event.clientY);
    else hide();
  });
  root.addEventListener("pointerleave", hide);
  root.addEventListener("focusin", (event) => {
    const node = holder(event);
    if (!node || !node.matches(":focus-visible")) return;
    const area = node.getBoundingClientRect();
    show(node, area.left + Math.min(area.width / 2, 160), area.top);
  });
  root.addEventListener("focusout", hide);
  root.append(box);
  return { box, hide };
}

function heading(text) {
  return make("div", { class: "nxsms-dash-title", role: "heading", "aria-level": "3" }, text);
}

function card(title, name, ...inside) {
  return make("section", { class: `nxsms-dash-card nxsms-dash-${name}`, "aria-label": title }, ...inside);
}

function choice(label, choose) {
  const select = make("select", { class: "nxsms-dash-select", "aria-label": label });
  select.addEventListener("change", () => choose(Number(select.value)));
  return select;
}

function options(select, names, chosen) {
  each(select, names, () => make("option"), (node, name, place) => {
    put(node, "value", place);
    write(node, name);
  });
  select.value = String(chosen);
}

function plain(text, press) {
  const node = make("button", { class: "nxsms-button", type: "button" }, text);
  node.addEventListener("click", press);
  return node;
}
