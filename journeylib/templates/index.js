"use strict";
(() => {
  const table = document.querySelector("table.sortable");
  if (!table) return;
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const said = document.getElementById("said"), search = document.getElementById("search");
  const status = document.getElementById("status"), rows = [...body.rows];
  const keyOf = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
    return a.localeCompare(b, undefined, {numeric: true, sensitivity: "base"});
  };
  const sortBy = (place, down) => {
    const turn = down ? -1 : 1;
    rows.sort((one, other) => {
      const a = keyOf(one, place), b = keyOf(other, place);
      return a === "" || b === "" ? compare(a, b) : turn * compare(a, b);
    });
    body.append(...rows);
    heads.forEach((head, at) => {
      if (at === place) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  };
  heads.forEach((head, place) => {
    if (head.dataset.plain !== undefined) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => sortBy(place, head.getAttribute("aria-sort") === "ascending"));
  });
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word)) && (!status.value || row.dataset.status === status.value);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    said.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} shown`;
  };
  search.addEventListener("input", filter);
  status.addEventListener("change", filter);
  document.getElementById("tools").hidden = false;
})();
