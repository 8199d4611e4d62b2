(function () {
  "use strict";
  var form = document.getElementById("filter");
  var words = document.getElementById("words");
  var shown = document.getElementById("shown");
  var cases = Array.prototype.slice.call(document.querySelectorAll("#list > .case"));
  var texts = cases.map(function (one) { return one.textContent.toLowerCase(); });
  var boxes = Array.prototype.slice.call(form.querySelectorAll("input[type=checkbox]"));
  function apply() {
    var wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    var verdicts = boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    var count = 0;
    cases.forEach(function (one, at) {
      var fits = verdicts.indexOf(one.dataset.verdict) >= 0 &&
        wanted.every(function (word) { return texts[at].indexOf(word) >= 0; });
      one.hidden = !fits;
      if (fits) { count += 1; }
    });
    shown.textContent = count + " of " + cases.length;
  }
  function follow() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    var one = target && target.closest(".case");
    if (one) {
      one.hidden = false;
      if ("open" in one) { one.open = true; }
      one.scrollIntoView();
    }
  }
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("input", apply);
  window.addEventListener("hashchange", follow);
  form.hidden = false;
  apply();
  follow();
}());
