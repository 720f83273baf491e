"use strict";
// Filters of the predictions; the choice stands in the address, after `#rows?`, so that it can be kept and sent.
(() => {
  const form = document.getElementById("filter");
  if (form) {
    const rows = [...document.querySelectorAll(".row")];
    const fields = ["side", "task", "kind", "outcome"].map((name) => form.elements[name]).filter(Boolean);
    const search = form.elements.search;
    const more = document.getElementById("more");
    const page = 24; // cards at a time: hundreds would hide the sections below
    let most = page;
    const apply = () => {
      const words = search.value.trim().toLowerCase();
      let found = 0;
      for (const row of rows) {
        const fits =
          fields.every((field) => !field.value || row.dataset[field.name] === field.value) &&
          (!words || row.textContent.toLowerCase().includes(words));
        found += fits ? 1 : 0;
        row.hidden = !fits || found > most;
      }
      more.hidden = found <= most;
      document.getElementById("shown").textContent = `${Math.min(found, most)} of ${found}`;
    };
    const read = () => {
      if (!location.hash.startsWith("#rows?")) return;
      const wanted = new URLSearchParams(location.hash.slice("#rows?".length));
      for (const field of fields) field.value = wanted.get(field.name) ?? "";
      search.value = wanted.get("search") ?? "";
      document.getElementById("rows").scrollIntoView();
      most = page;
      apply();
    };
    const write = () => {
      const chosen = new URLSearchParams();
      for (const field of [...fields, search]) if (field.value) chosen.set(field.name, field.value);
      history.replaceState(null, "", `#rows?${chosen}`);
      most = page;
      apply();
    };
    form.hidden = false;
    more.addEventListener("click", () => {
      most += page;
      apply();
    });
    form.addEventListener("input", write);
    form.addEventListener("reset", () => setTimeout(write));
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", read);
    apply();
    read();
  }
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "selected";
      }
      setTimeout(() => (button.textContent = "copy"), 1500);
    });
  }
})();
