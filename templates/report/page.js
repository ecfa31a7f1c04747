"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [NAME, STATE, ATTEMPTS, EXIT, ELAPSED, CPU, CAUSE, EARLIER, FILES] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const byId = (id) => document.getElementById(id);
  const table = byId("table"), body = table.tBodies[0], controls = byId("controls"), pages = byId("pages");
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  let chosen = data.rows, page = 0, sorted = null, direction = 1;
  const number = (value) => value.toLocaleString("en");
  const jobs = (count) => number(count) + (count === 1 ? " job" : " jobs");

  // As show_duration of units.rs writes it.
  const short = (value) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0)).replace(/\.0$/, "");
  const span = (s) => s === null ? "" : s === 0 ? "0 s" : s < 0.0995 ? short(s * 1000) + " ms"
    : s < 119.5 ? short(s) + " s" : s < 7170 ? short(s / 60) + " min" : s < 172000 ? short(s / 3600) + " h" : short(s / 86400) + " days";

  const cell = (row, at, text) => {
    const cell = row.appendChild(document.createElement("td"));
    cell.setAttribute("role", "cell");
    cell.dataset.label = labels[at];
    if (at >= 3 && at <= 5) cell.className = "number";
    cell.textContent = text;
    return cell;
  };

  const show = () => {
    const last = Math.max(0, Math.ceil(chosen.length / data.page) - 1);
    page = Math.min(Math.max(page, 0), last);
    const from = page * data.page, to = Math.min(from + data.page, chosen.length);
    const rows = document.createDocumentFragment();
    for (const job of chosen.slice(from, to)) {
      const row = rows.appendChild(document.createElement("tr"));
      row.setAttribute("role", "row");
      const head = row.appendChild(document.createElement("th"));
      head.scope = "row";
      head.setAttribute("role", "rowheader");
      head.textContent = job[NAME];
      const state = cell(row, 1, "").appendChild(document.createElement("span"));
      state.className = "state " + data.states[job[STATE]][0];
      state.textContent = data.states[job[STATE]][1];
      const attempts = cell(row, 2, job[ATTEMPTS]);
      if (job[EARLIER]) {
        attempts.append(" ");
        attempts.appendChild(document.createElement("small")).textContent = "before: " + data.texts[job[EARLIER]];
      }
      cell(row, 3, job[EXIT] === null ? "" : job[EXIT]);
      cell(row, 4, span(job[ELAPSED]));
      cell(row, 5, span(job[CPU]));
      cell(row, 6, data.texts[job[CAUSE]]);
      const files = cell(row, 7, "");
      for (const file of data.sets[job[FILES]]) {
        const link = files.appendChild(document.createElement("a"));
        link.href = data.base + encodeURIComponent(job[NAME]) + "/" + encodeURIComponent(data.files[file]);
        link.textContent = data.files[file];
        files.append(" ");
      }
    }
    body.replaceChildren(rows);
    const of = chosen.length === data.rows.length ? jobs(data.rows.length)
      : jobs(chosen.length) + " found among " + number(data.rows.length);
    byId("shown").textContent = chosen.length === 0 ? "None of " + jobs(data.rows.length) + " is like this."
      : to - from === data.rows.length ? of + "." : number(from + 1) + " to " + number(to) + " of " + of + ".";
    pages.hidden = last === 0;
    byId("place").textContent = "page " + number(page + 1) + " of " + number(last + 1);
    byId("first").disabled = byId("previous").disabled = page === 0;
    byId("next").disabled = byId("last").disabled = page === last;
  };

  // Numbers and names with numbers in them as people count; what is missing comes last.
  const collator = new Intl.Collator("en", { numeric: true });
  const keys = [NAME, STATE, ATTEMPTS, EXIT, ELAPSED, CPU, CAUSE, FILES];
  const value = (job, key) => key === CAUSE ? data.texts[job[CAUSE]] : key === FILES ? data.sets[job[FILES]].length : job[key];
  const choose = () => {
    const text = byId("find").value.trim().toLowerCase(), state = byId("state").value;
    const found = data.texts.map((known) => known.toLowerCase().includes(text));
    chosen = data.rows.filter((job) => (state === "" || data.states[job[STATE]][0] === state)
      && (text === "" || job[NAME].toLowerCase().includes(text) || (job[CAUSE] !== 0 && found[job[CAUSE]])));
    if (sorted !== null) {
      const key = keys[sorted], missing = (v) => v === null || v === "";
      chosen = chosen.slice().sort((one, other) => {
        const a = value(one, key), b = value(other, key);
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return direction * (typeof a === "string" ? collator.compare(a, b) : a - b);
      });
    }
    page = 0;
    show();
  };

  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = labels[at];
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      direction = sorted === at ? -direction : 1;
      if (sorted !== null) table.tHead.rows[0].cells[sorted].removeAttribute("aria-sort");
      sorted = at;
      head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      choose();
    });
  });
  const go = (id, to) => byId(id).addEventListener("click", () => { page = to(); show(); });
  go("first", () => 0);
  go("previous", () => page - 1);
  go("next", () => page + 1);
  go("last", () => Infinity);
  byId("find").addEventListener("input", choose);
  byId("state").addEventListener("change", choose);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  show();
})();
