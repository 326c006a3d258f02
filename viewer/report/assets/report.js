"use strict";
(function () {
  var data = JSON.parse(document.getElementById("data").textContent);
  var SVG = "http://www.w3.org/2000/svg";
  var ROW = 19, LETTER = 7.3, LEAST_PIXELS = 1;
  var metric = data.metric, process = 0, sort = metric, shown = 50, pattern = null, zoomed = null;
  var trees = {};

  function $(id) { return document.getElementById(id); }

  function make(name, attributes, text) {
    var node = document.createElement(name);
    Object.keys(attributes || {}).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function draw(name, attributes) {
    var node = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    return node;
  }

  function size(bytes) {
    var units = ["B", "KiB", "MiB", "GiB", "TiB"], i = 0;
    while (bytes >= 1024 && i < units.length - 1) { bytes /= 1024; i++; }
    return (i === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)) + " " + units[i];
  }

  /* As reports tell it, at the end in minutes and hours (base/units.c). */
  function duration(ns) {
    var units = ["ns", "us", "ms"], i = 0, seconds = ns / 1e9;
    for (; i < units.length && ns >= 999.5; i++) ns /= 1000;
    if (i < units.length) return (i === 0 ? ns : ns.toFixed(ns < 99.95 ? 1 : 0)) + " " + units[i];
    if (seconds < 59.95) return seconds.toFixed(seconds < 9.995 ? 2 : 1) + " s";
    if (seconds < 3599.5) return Math.floor(Math.round(seconds) / 60) + " min " + String(Math.round(seconds) % 60).padStart(2, "0") + " s";
    var minutes = Math.round(seconds / 60);
    return Math.floor(minutes / 60) + " h " + String(minutes % 60).padStart(2, "0") + " min";
  }

  function count(number) { return number.toLocaleString("en"); }

  function figure(value, which) {
    return data.metrics[which].is_bytes ? size(value) : count(value);
  }

  function part(value, whole) { return whole ? (100 * value / whole).toFixed(1) + " %" : ""; }

  function place(frame) {
    var at = frame.file ? frame.file.replace(/.*\//, "") + (frame.line ? ":" + frame.line : "") : frame.module;
    return at && !frame.name.startsWith(frame.module + "+") ? " at " + at : "";
  }

  function words(location) { var frame = data.frames[location]; return frame.name + place(frame); }

  function named(site) { return words(site.place) + (site.via ? " via " + site.via : ""); }

  function stack(locations) {
    var list = make("ol", { "class": "stack mono" });
    locations.forEach(function (location) {
      var item = make("li", {}, words(location));
      item.title = data.frames[location].file || data.frames[location].module || "";
      list.appendChild(item);
    });
    return list;
  }

  /* ---- summary ---- */

  function card(title, value, note) {
    var box = make("div", { "class": "card" }, title);
    box.appendChild(make("b", {}, value));
    if (note) box.appendChild(make("span", { "class": "soft" }, note));
    return box;
  }

  function summary() {
    var of = data.processes[process], totals = of.totals, cards = $("cards");
    cards.textContent = "";
    if (!totals) { cards.appendChild(card("This process", "not observed", of.note)); return; }
    var isWhole = totals.peak_bytes !== null; /* what was between two instants has no peak */
    if (isWhole) cards.appendChild(card("Peak of the heap", size(totals.peak_bytes), "after " + duration(totals.peak_time_ns)));
    if (isWhole) cards.appendChild(card("With mappings", size(totals.common_peak_bytes), "heap and mappings together"));
    if (totals.peak_resident_bytes) cards.appendChild(card("Resident", size(totals.peak_resident_bytes), "at most, by the kernel"));
    cards.appendChild(card(isWhole ? "Live at the end" : "Live then", size(totals.live_bytes), count(totals.live_blocks) + " blocks"));
    cards.appendChild(card("Allocated", size(totals.allocated_bytes), "in " + count(totals.allocations) + " calls"));
    if (isWhole) cards.appendChild(card("Temporary", part(totals.temporary_allocations, totals.allocations), count(totals.temporary_allocations) + " blocks"));
    cards.appendChild(card("Leaked", of.leaks ? size(of.leaked_bytes) : "not known", of.leaks ? "definite and indirect" : of.scan));
    $("process_note").textContent = of.note;
  }

  /* ---- over time ---- */

  function timeline() {
    var of = data.processes[process], samples = of.samples.map(function (sample) {
      return [sample[0], sample[1], sample[2], sample[3] || null]; /* resident 0: not known */
    }), svg = $("time"), height = 200, most = 1;
    var lines = [["heap", 1, "var(--heap)"], ["mappings", 2, "var(--mapped)"], ["resident", 3, "var(--resident)"]];
    svg.textContent = "";
    $("time_part").hidden = samples.length < 2;
    if (samples.length < 2) return;
    /* Between two samples the heap may have been larger: its peak is known exactly. */
    if (of.totals && of.totals.peak_bytes !== null) samples.push([of.totals.peak_time_ns, of.totals.peak_bytes, null, null]);
    samples.sort(function (a, b) { return a[0] - b[0]; });
    var width = svg.clientWidth || 1000;
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    var start = samples[0][0], span = Math.max(1, samples[samples.length - 1][0] - start);
    samples.forEach(function (sample) { most = Math.max(most, sample[1], sample[2], sample[3]); });
    function x(time) { return ((time - start) / span * width).toFixed(1); }
    function y(bytes) { return (height - bytes / most * (height - 14)).toFixed(1); }
    [0, .5, 1].forEach(function (share) {
      svg.appendChild(draw("line", { x1: 0, x2: width, y1: y(most * share), y2: y(most * share), stroke: "var(--line)" }));
      var label = draw("text", { x: 4, y: Number(y(most * share)) - 3, fill: "var(--soft)", "font-size": 11 });
      label.textContent = size(most * share);
      svg.appendChild(label);
    });
    lines.forEach(function (line) {
      if (!samples.some(function (sample) { return sample[line[1]] > 0; })) return;
      svg.appendChild(draw("path", {
        fill: "none", stroke: line[2], "stroke-width": 2, "stroke-dasharray": line[1] === 3 ? "4 3" : "none",
        "vector-effect": "non-scaling-stroke",
        d: samples.filter(function (sample) { return sample[line[1]] !== null; }).map(function (sample, i) { return (i ? "L" : "M") + x(sample[0]) + " " + y(sample[line[1]]); }).join("")
      }));
    });
    svg.setAttribute("aria-label", "Memory over " + duration(span) + ", at most " + size(most));
    $("time_span").textContent = duration(span);
  }

  /* ---- flame graph ---- */

  function tree() {
    var key = process + "/" + metric;
    if (trees[key]) return trees[key];
    var root = { name: "all", value: 0, children: {}, list: [], depth: 0, parent: null };
    data.processes[process].sites.forEach(function (site) {
      var value = site.values[metric], node = root;
      if (!value) return;
      root.value += value;
      for (var i = site.stack.length - 1; i >= 0; i--) {
        var frame = data.frames[site.stack[i]], id = frame.name + "\n" + (frame.file || frame.module);
        if (!node.children[id]) {
          node.children[id] = { name: frame.name, frame: frame, value: 0, children: {}, list: [], depth: node.depth + 1, parent: node };
          node.list.push(node.children[id]);
        }
        node = node.children[id];
        node.value += value;
      }
    });
    (function place(node, start) {
      node.start = start;
      node.list.sort(function (a, b) { return b.value - a.value || (a.name < b.name ? -1 : 1); });
      node.list.forEach(function (child) { place(child, start); start += child.value; });
    })(root, 0);
    trees[key] = root;
    return root;
  }

  function hash(text) {
    var value = 0;
    for (var i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) >>> 0;
    return value;
  }

  function colour(node) {
    if (!node.frame) return "#d0d7de";
    return "hsl(" + hash(node.frame.module || "") % 360 + ",60%," + (70 + hash(node.name) % 14) + "%)";
  }

  function describe(node) {
    return node.name + (node.frame ? place(node.frame) : "") + ": " + figure(node.value, metric) + ", " + part(node.value, tree().value);
  }

  function matches(name) { return pattern !== null && pattern.test(name); }

  function flame() {
    var svg = $("flame"), root = tree(), chosen = zoomed || root, width = svg.clientWidth || 1000, rows = 0;
    var nodes = [], callers = 0;
    svg.textContent = "";
    for (var above = chosen.parent; above; above = above.parent) { nodes.push([above, 0, width, "above"]); callers++; }
    (function visit(node) {
      var x = (node.start - chosen.start) / chosen.value * width, w = node.value / chosen.value * width;
      if (w < LEAST_PIXELS) return;
      nodes.push([node, x, w, ""]);
      node.list.forEach(visit);
    })(chosen);
    if (root.value === 0) nodes = [];
    nodes.forEach(function (entry) {
      var node = entry[0], group = draw("g", { tabindex: node === chosen ? 0 : -1, role: "button" });
      var y = node.depth * ROW, room = Math.floor((entry[2] - 6) / LETTER), text = draw("text", { x: entry[1] + 3, y: y + 13 });
      var title = draw("title", {});
      rows = Math.max(rows, node.depth + 1);
      title.textContent = describe(node);
      group.setAttribute("aria-label", title.textContent);
      group.appendChild(title);
      group.appendChild(draw("rect", { x: entry[1].toFixed(2), y: y, width: entry[2].toFixed(2), height: ROW - 1, fill: colour(node) }));
      if (room >= 3) text.textContent = node.name.length <= room ? node.name : node.name.slice(0, room - 2) + "..";
      group.appendChild(text);
      group.setAttribute("class", entry[3] + (node.frame && matches(node.name) ? " hit" : ""));
      group.node = node;
      node.group = group;
      svg.appendChild(group);
    });
    svg.setAttribute("viewBox", "0 0 " + width + " " + Math.max(1, rows) * ROW);
    svg.setAttribute("height", Math.max(1, rows) * ROW);
    $("back").hidden = chosen === root;
    $("tell").textContent = root.value ? describe(chosen) : "Nothing of this metric.";
  }

  function zoom(node, isFocus) {
    zoomed = node && node.parent ? node : null;
    flame();
    if (isFocus && (node || tree()).group) (node || tree()).group.focus();
  }

  function groupOf(event) { return event.target.closest ? event.target.closest("#flame g") : null; }

  function step(node, key) {
    var siblings = node.parent ? node.parent.list : [node], at = siblings.indexOf(node);
    if (key === "ArrowUp") return node.parent;
    if (key === "ArrowDown") return node.list[0];
    return siblings[at + (key === "ArrowRight" ? 1 : -1)];
  }

  function share() {
    var found = 0;
    (function visit(node) {
      if (node.frame && matches(node.name)) { found += node.value; return; }
      node.list.forEach(visit);
    })(tree());
    return found;
  }

  function search() {
    var word = $("search").value, root = tree();
    try { pattern = word ? new RegExp(word, "i") : null; }
    catch (error) { pattern = null; $("found").textContent = "not a regular expression"; return; }
    flame();
    $("found").textContent = pattern ? part(share(), root.value) + " of " + data.metrics[metric].title.toLowerCase() : "";
    shown = 50;
    sites();
  }

  /* ---- sites ---- */

  function columns() { return data.columns.indexOf(sort) < 0 ? data.columns.concat([sort]) : data.columns; }

  function head() {
    var row = make("tr");
    columns().forEach(function (which) {
      var cell = make("th", { scope: "col" }), button = make("button", { type: "button" }, data.metrics[which].title);
      if (which === sort) { cell.setAttribute("aria-sort", "descending"); cell.className = "sorted"; }
      button.title = data.metrics[which].help;
      button.addEventListener("click", function () { sort = which; sites(); });
      cell.appendChild(button);
      row.appendChild(cell);
    });
    row.appendChild(make("th", { scope: "col" }, "Site"));
    $("sites_head").textContent = "";
    $("sites_head").appendChild(row);
  }

  function sites() {
    var of = data.processes[process], body = $("sites_body");
    var rows = of.sites.filter(function (site) {
      return pattern === null || site.stack.some(function (location) { return matches(data.frames[location].name); });
    });
    head();
    rows.sort(function (a, b) { return b.values[sort] - a.values[sort] || (a.fingerprint < b.fingerprint ? -1 : 1); });
    body.textContent = "";
    rows.slice(0, shown).forEach(function (site) {
      var row = make("tr"), cell = make("td", { "class": "name" }), details = make("details");
      columns().forEach(function (which) {
        row.appendChild(make("td", which === sort ? { "class": "sorted" } : {}, figure(site.values[which], which)));
      });
      details.appendChild(make("summary", {}, site.place === null ? site.function + ", no stack" : named(site)));
      details.appendChild(make("span", { "class": "soft" }, site.function + ", " + site.fingerprint));
      details.appendChild(stack(site.stack));
      cell.appendChild(details);
      row.appendChild(cell);
      body.appendChild(row);
    });
    $("more").hidden = rows.length <= shown;
    $("sites_note").textContent = count(Math.min(shown, rows.length)) + " of " + count(rows.length) + " sites" +
      (of.omitted ? "; " + count(of.omitted) + " small ones are not in this file" : "");
  }

  /* ---- leaks ---- */

  function leaks() {
    var of = data.processes[process], list = $("leaks");
    list.textContent = "";
    if (!of.leaks) { list.appendChild(make("p", {}, "Not scanned: " + of.scan + ".")); return; }
    if (!of.leaks.length) list.appendChild(make("p", {}, "Nothing is lost."));
    of.leaks.forEach(function (leak) {
      var box = make("details", { "class": "leak" });
      box.appendChild(make("summary", {}, leak.kind + ": " + size(leak.bytes) + " in " + count(leak.blocks) + (leak.blocks === 1 ? " block" : " blocks") +
        (leak.indirect_bytes ? ", and " + size(leak.indirect_bytes) + " that hang from them" : "") +
        (leak.place === null ? "" : ", " + named(leak))));
      box.appendChild(stack(leak.stack));
      list.appendChild(box);
    });
  }

  function suspects() {
    var of = data.processes[process], list = $("suspects");
    $("suspects_part").hidden = !of.suspects || !of.suspects.length;
    list.textContent = "";
    (of.suspects || []).forEach(function (suspect) {
      var box = make("details", { "class": "leak" });
      box.appendChild(make("summary", {}, size(suspect.retained_bytes) + " retained: " + suspect.text));
      var path = make("ol", { "class": "stack mono" });
      suspect.path.forEach(function (name) { path.appendChild(make("li", {}, name)); });
      box.appendChild(path);
      list.appendChild(box);
    });
  }

  /* ---- what all memory is used for ---- */

  function amounts(of, name) {
    var row = make("tr"), cell = make("td", { "class": "name" });
    row.appendChild(make("td", {}, size(of.resident_bytes)));
    row.appendChild(make("td", {}, size(of.virtual_bytes)));
    cell.appendChild(name);
    row.appendChild(cell);
    $("memory").appendChild(row);
  }

  function category(of) {
    var box = make("details"), list = make("ul", { "class": "stack mono" });
    box.appendChild(make("summary", {}, of.title));
    of.parts.forEach(function (part) {
      list.appendChild(make("li", {}, size(part.resident_bytes) + " of " + size(part.virtual_bytes) + ", " +
        (part.count > 1 ? count(part.count) + " x " : "") + (part.title || "without a name")));
    });
    box.appendChild(list);
    amounts(of, box);
  }

  function memory() {
    var of = data.processes[process].memory;
    $("memory_part").hidden = !of;
    $("memory").textContent = $("memory_advice").textContent = "";
    if (!of) return;
    $("memory_note").textContent = size(of.resident_bytes) + " resident of " + size(of.virtual_bytes) + " virtual, " + of.when +
      (of.trimmable_bytes === null ? "" : "; malloc_trim(0) would give back " + size(of.trimmable_bytes));
    of.categories.forEach(category);
    amounts(of, document.createTextNode("all"));
    of.notes.forEach(function (text) { $("memory_advice").appendChild(make("li", {}, text)); });
  }

  /* ---- all of it ---- */

  function choose(which) {
    process = which;
    zoomed = null;
    shown = 50;
    summary(); timeline(); search(); leaks(); suspects(); memory();
  }

  data.metrics.forEach(function (info, i) { if (info.is_known) $("metric").appendChild(make("option", { value: i }, info.title + " \u2013 " + info.help)); });
  $("metric").value = metric;
  $("metric").addEventListener("change", function () { metric = sort = Number(this.value); zoomed = null; search(); });
  data.processes.forEach(function (of, i) { $("process").appendChild(make("option", { value: i }, of.name)); });
  $("process_part").hidden = data.processes.length < 2;
  $("process").addEventListener("change", function () { choose(Number(this.value)); });
  $("search").addEventListener("input", search);
  $("back").addEventListener("click", function () { zoom(null, true); });
  $("more").addEventListener("click", function () { shown += 200; sites(); });
  $("flame").addEventListener("click", function (event) { var group = groupOf(event); if (group) zoom(group.node, false); });
  $("flame").addEventListener("keydown", function (event) {
    var group = groupOf(event), next;
    if (!group) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); zoom(group.node, true); }
    else if (event.key === "Escape") { event.preventDefault(); zoom(null, true); }
    else if (event.key.indexOf("Arrow") === 0) {
      event.preventDefault();
      next = step(group.node, event.key);
      if (next && next.group && next.group.isConnected) next.group.focus();
    }
  });
  ["mouseover", "focusin"].forEach(function (kind) {
    $("flame").addEventListener(kind, function (event) { var group = groupOf(event); if (group) $("tell").textContent = describe(group.node); });
  });
  window.addEventListener("keydown", function (event) {
    if (event.key === "/" && document.activeElement !== $("search")) { event.preventDefault(); $("search").focus(); }
  });
  window.addEventListener("resize", function () { timeline(); flame(); });
  choose(data.first);
})();
