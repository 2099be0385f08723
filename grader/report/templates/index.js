(() => {
const $ = i => document.getElementById(i), table = $("grades"), body = table.tBodies[0], rows = [...body.rows];
const heads = [...table.tHead.rows[0].cells], find = $("find"), status = $("status");
const show = () => {
  const word = find.value.normalize("NFC").toLowerCase();
  let count = 0;
  for (const row of rows) {
    row.hidden = !row.dataset.k.includes(word) || (status.value && row.dataset.s != status.value);
    count += !row.hidden;
  }
  $("count").textContent = count;
};
heads.forEach((head, i) => head.firstElementChild.onclick = () => {
  const up = head.ariaSort == "ascending" ? -1 : 1, key = row => row.cells[i].dataset.v;
  heads.forEach(other => other.ariaSort = other == head ? (up > 0 ? "ascending" : "descending") : "none");
  body.append(...rows.sort((a, b) => !key(a) - !key(b) || up * key(a).localeCompare(key(b), 0, {numeric: true})));
});
find.oninput = status.onchange = show;
$("tools").hidden = false;
show();
})();
