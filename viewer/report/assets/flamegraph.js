"use strict";
(function () {
  var svg = document.documentElement;
  var frames = Array.prototype.slice.call(svg.querySelectorAll(".f"));
  var details = document.getElementById("details");
  var found = document.getElementById("found");
  var reset = document.getElementById("reset");
  var search = document.getElementById("search");
  var WIDTH = 1180, LEFT = 10, LETTER = 7.25;
  var quiet = details.textContent;
  var pattern = null;

  function number(frame, name) { return Number(frame.getAttribute("data-" + name)); }

  function fit(frame, width) {
    var text = frame.querySelector("text");
    var name = frame.getAttribute("data-n");
    var room = Math.floor((width - 6) / LETTER);
    if (room < 3) text.textContent = "";
    else if (name.length <= room) text.textContent = name;
    else text.textContent = name.slice(0, room - 2) + "..";
  }

  /* Shares of the chosen frame become the whole width; its callers stay, dimmed. */
  function zoom(chosen) {
    var start = number(chosen, "x"), share = number(chosen, "w"), depth = number(chosen, "d");
    frames.forEach(function (frame) {
      var x = number(frame, "x"), w = number(frame, "w");
      var isAbove = number(frame, "d") < depth && x <= start + 1e-9 && x + w >= start + share - 1e-9;
      var isInside = x >= start - 1e-9 && x + w <= start + share + 1e-9 && number(frame, "d") >= depth;
      frame.classList.toggle("above", isAbove);
      frame.classList.toggle("hidden", !isAbove && !isInside);
      if (!isAbove && !isInside) return;
      var left = isAbove ? LEFT : LEFT + (x - start) / share * WIDTH;
      var width = isAbove ? WIDTH : w / share * WIDTH;
      frame.querySelector("rect").setAttribute("x", left);
      frame.querySelector("rect").setAttribute("width", width);
      frame.querySelector("text").setAttribute("x", left + 3);
      fit(frame, width);
    });
    reset.classList.toggle("hidden", depth === 0);
  }

  /* Frames by name; of nested hits only the outermost counts. */
  function mark(word) {
    var total = 0, end = -1;
    try { pattern = word ? new RegExp(word, "i") : null; }
    catch (error) { found.textContent = "not a regular expression: " + word; return; }
    frames.forEach(function (frame) {
      frame.classList.toggle("hit", !!pattern && pattern.test(frame.getAttribute("data-n")));
    });
    frames.filter(function (frame) { return frame.classList.contains("hit"); })
      .sort(function (a, b) { return number(a, "x") - number(b, "x") || number(b, "w") - number(a, "w"); })
      .forEach(function (frame) {
        if (number(frame, "x") < end - 1e-9) return;
        total += number(frame, "w");
        end = number(frame, "x") + number(frame, "w");
      });
    found.textContent = pattern ? "found: " + (100 * total).toFixed(1) + " %" : "";
  }

  function ask() {
    var word = window.prompt("Function (a regular expression; nothing clears)", pattern ? pattern.source : "");
    if (word !== null) mark(word);
  }

  function press(action) {
    return function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); action(); }
    };
  }

  frames.forEach(function (frame) {
    var title = frame.querySelector("title").textContent;
    function tell() { details.textContent = title; }
    frame.addEventListener("click", function () { zoom(frame); });
    frame.addEventListener("keydown", press(function () { zoom(frame); }));
    frame.addEventListener("mouseenter", tell);
    frame.addEventListener("focus", tell);
    frame.addEventListener("mouseleave", function () { details.textContent = quiet; });
  });
  reset.addEventListener("click", function () { zoom(frames[0]); });
  reset.addEventListener("keydown", press(function () { zoom(frames[0]); }));
  search.addEventListener("click", ask);
  search.addEventListener("keydown", press(ask));
  window.addEventListener("keydown", function (event) {
    if (event.key === "/" || (event.key === "f" && event.ctrlKey)) { event.preventDefault(); ask(); }
    else if (event.key === "Escape") zoom(frames[0]);
  });
  window.seepFlamegraph = { zoom: zoom, mark: mark };
})();
