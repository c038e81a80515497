// The rows behind the pictures: a page of them, sorted and searched by the kernel, which has them all.

const TYPED_MS = 250;

// Which columns of the frame the table shows: a list of all of them that opens below its button.
function columnChoice(tr, send, names) {
  const button = make("summary", { class: "nxsms-button", "data-nxsms": "columns" });
  const find = make("input", { class: "nxsms-dash-search", type: "search", placeholder: tr("Find a column"), "aria-label": tr("Find a column") });
  const boxes = names.map((name, place) => {
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", () => send({ nxsms: "show", column: place, on: box.checked }));
    return make("label", { "data-nxsms": "column", "data-value": name, title: name }, box, make("span", { class: "nxsms-cut" }, name));
  });
  const list = make("div", { class: "nxsms-dash-scroll", role: "group", "aria-label": tr("columns of the table") }, ...boxes);
  const root = make("details", { class: "nxsms-dash-choose" }, button, make("div", {}, find, list));
  find.hidden = names.length <= 12;
  find.addEventListener("input", () => {
    const text = find.value.trim().toLowerCase();
    boxes.forEach((label, place) => {
      label.hidden = !names[place].toLowerCase().includes(text);
    });
  });
  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    root.open = false;
    button.focus();
  });
  const outside = (event) => {
    if (!event.composedPath().includes(root)) root.open = false;
  };
  root.addEventListener("toggle", () => {
    const listen = root.open ? document.addEventListener : document.removeEventListener;
    listen.call(document, "pointerdown", outside, true);
    if (root.open && !find.hidden) find.focus();
  });
  const update = (shown) => {
    const on = new Set(shown);
    boxes.forEach((label, place) => {
      label.firstChild.checked = on.has(place);
    });
    write(button, tr("Columns: {shown} of {all}", { shown: number(shown.length), all: number(names.length) }));
  };
  return { root, update };
}

function rowsTable(tr, send, names) {
  const title = tr("Rows");
  const search = make("input", {
    class: "nxsms-dash-search",
    type: "search",
    placeholder: tr("Search the rows"),
    "aria-label": tr("Search the rows"),
    "data-nxsms": "search",
  });
  const exporting = plain(tr("Export CSV"), () => {
    exporting.disabled = true;
    send({ nxsms: "export", part: 0 }, true);
  });
  put(exporting, "data-nxsms", "export");
  const choosing = columnChoice(tr, send, names);
  const heads = make("tr");
  const body = make("tbody");
  const table = make(
    "table",
    { class: "nxsms-dash-table", "data-nxsms": "rows", "aria-label": title },
    make("thead", {}, heads),
    body,
  );
  const about = make("div", { class: "nxsms-dash-about" });
  const where = make("span", { class: "nxsms-small nxsms-dash-where" });
  const step = (words, name, turn) => {
    const node = plain(words, () => send({ nxsms: "page", page: turn(shown) }));
    put(node, "aria-label", name);
    put(node, "title", name);
    return node;
  };
  const buttons = [
    step("«", tr("first page"), () => 0),
    step("‹", tr("previous page"), (now) => now.page - 1),
    step("›", tr("next page"), (now) => now.page + 1),
    step("»", tr("last page"), (now) => now.pages - 1),
  ];
  put(buttons[2], "data-nxsms", "next");
  const root = card(
    title,
    "rows",
    make("div", { class: "nxsms-dash-head" }, heading(title), choosing.root, search, exporting),
    about,
    make("div", { class: "nxsms-dash-wide", tabindex: "0", role: "region", "aria-label": title }, table),
    make("div", { class: "nxsms-dash-pager", role: "group", "aria-label": tr("pages") }, ...buttons, where),
  );
  let shown = { page: 0, pages: 1 };
  let typed = 0;
  let asked = "";
  const find = () => {
    clearTimeout(typed);
    // What is searched for may be somebody's number: it is sent, and kept nowhere.
    if (search.value.trim() !== asked) {
      asked = search.value.trim();
      send({ nxsms: "search", text: asked });
    }
  };
  search.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(find, TYPED_MS);
  });
  search.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") find();
    if (event.key === "Escape" && search.value) {
      search.value = "";
      find();
    }
  });
  const createHead = () => {
    const node = make("th", { scope: "col" }, make("button", { type: "button", class: "nxsms-dash-sort" }));
    node.firstChild.addEventListener("click", () => send({ nxsms: "sort", column: node.cellIndex }));
    return node;
  };
  const update = (now) => {
    shown = now;
    if (!now.searched && asked) {
      asked = "";
      search.value = "";
    }
    put(table, "data-total", now.total);
    choosing.update(now.shown);
    each(heads, now.columns, createHead, (node, column) => {
      put(node, "aria-sort", { up: "ascending", down: "descending" }[column.sorted] ?? "none");
      put(node, "class", column.number ? "right" : null);
      const arrow = { up: " ↑", down: " ↓" }[column.sorted] ?? "";
      write(node.firstChild, column.name + arrow);
      put(node.firstChild, "title", tr("sort by {column}", { column: column.name }));
    });
    // As many lines on each page: what stands below does not move.
    const lines = Array.from({ length: now.size }, (_, place) => now.rows[place] ?? null);
    each(body, lines, () => make("tr"), (line, cells, place) => {
      line.classList.toggle("nxsms-dash-blank", cells === null);
      put(line, "aria-hidden", cells === null ? "true" : null);
      each(line, now.columns, () => make("td"), (cell, column, x) => {
        const text = cells === null ? "" : cells[x];
        write(cell, text);
        put(cell, "title", text.length > 24 ? text : null);
        put(cell, "class", column.number ? "right" : null);
        put(cell, "data-status", cells !== null && x === now.status ? now.statuses[place] : null);
      });
    });
    write(about, now.about ? [now.about.name, now.about.advice].filter(Boolean).join(": ") : "");
    const last = Math.min(now.total, now.first + now.size - 1);
    write(where, now.total
      ? tr(now.total === 1 ? "{first}–{last} of {rows} row" : "{first}–{last} of {rows} rows", { first: number(now.first), last: number(last), rows: number(now.total) })
      : tr("No row passes."));
    buttons.forEach((node, place) => {
      node.disabled = place < 2 ? now.page === 0 : now.page >= now.pages - 1;
    });
  };
  return { root, update, exporting };
}
