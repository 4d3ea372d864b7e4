// Live updates from `lorasweep watch`: poll the server and replace the report's content.

const PERIOD = 2000; // milliseconds between polls
const PATIENCE = 30000; // milliseconds without an answer until the server counts as unreachable

/** Send a request to the page's own server. */
async function ask(name) {
  const answer = await fetch(name, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer;
}

/** Show the connection status; screen readers announce changes only. */
function tell(state, text) {
  const news = document.getElementById("news");
  if (news.textContent === text && news.dataset.state === state) return;
  news.dataset.state = state;
  news.textContent = text;
}

function progress() {
  const number = (at) => document.querySelector(`.lede data[data-at="${at}"]`)?.textContent;
  const target = number("/study/target_trials");
  return `${number("/counts/complete")}${target ? ` of ${target}` : ""} trials`;
}

const clock = () => new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** State of the user interface, to be restored after an update. */
function remembered(main) {
  const open = [...main.querySelectorAll("details[id]")].map((each) => [each.id, each.open]);
  const sorted = [...main.querySelectorAll("table.sortable")].flatMap((table) => {
    const column = [...table.tHead.rows[0].cells].findIndex((head) => head.ariaSort);
    return column < 0 ? [] : [[table.id, column, table.tHead.rows[0].cells[column].ariaSort]];
  });
  const scrolled = [...main.querySelectorAll(".scroll table[id]")].map((table) => [
    table.id,
    table.parentElement.scrollLeft,
  ]);
  const anchors = [...main.querySelectorAll("[id]")].filter((each) => each.getClientRects().length);
  const anchor = anchors.findLast((each) => each.getBoundingClientRect().top <= 80);
  const top = anchor?.getBoundingClientRect().top;
  return { open, sorted, scrolled, anchor: anchor?.id, top, focus: focusPath(main) };
}

/** The focused element: nearest ancestor with an id, and index among its focusable parts. */
function focusPath(main) {
  const active = document.activeElement;
  if (!main.contains(active)) return null;
  const home = active.closest("[id]");
  return { id: home.id, index: [...home.querySelectorAll("a, button, summary, [tabindex]")].indexOf(active) };
}

function restore(before) {
  const byId = (id) => document.getElementById(id);
  for (const [id, open] of before.open) if (byId(id)) byId(id).open = open;
  for (const [id, column, direction] of before.sorted) {
    if (byId(id)?.tHead.rows[0].cells[column]) sortTable(byId(id), column, direction);
  }
  for (const [id, left] of before.scrolled) if (byId(id)) byId(id).parentElement.scrollLeft = left;
  if (before.focus && byId(before.focus.id)) {
    const home = byId(before.focus.id);
    const parts = home.querySelectorAll("a, button, summary, [tabindex]");
    (parts[before.focus.index] ?? home).focus({ preventScroll: true });
  }
  if (before.anchor && byId(before.anchor) && scrollY > 0) {
    const moved = byId(before.anchor).getBoundingClientRect().top - before.top;
    scrollBy({ top: moved, behavior: "instant" });
  }
}

/** Replace the report; figures already drawn are moved to the new content and updated. */
function renew(html) {
  const main = document.getElementById("main");
  const before = remembered(main);
  const next = document.createElement("template");
  next.innerHTML = html; // from the same templates; scripts in it never run
  const kept = [];
  for (const place of next.content.querySelectorAll(".figure")) {
    const old = document.getElementById(place.id);
    if (old?.dataset.drawn === "true") {
      place.replaceWith(old);
      kept.push(old);
    }
  }
  for (const gone of main.querySelectorAll('.figure[data-drawn="true"]')) Plotly.purge(gone);
  main.replaceChildren(next.content);
  enhance(main);
  restore(before);
  kept.forEach(draw);
}

/** Poll periodically while the page is visible. */
async function follow() {
  let version = null;
  for (;;) {
    try {
      const state = await (await ask("state")).json();
      if (state.version !== version) {
        renew(await (await ask("fragment")).text());
        version = state.version;
        if (state.running) tell("running", `updated ${clock()}, ${progress()}`);
      }
      if (!state.running) tell("ended", `the sweep has ended, ${progress()}`);
      else if (document.getElementById("news").dataset.state !== "running") {
        tell("running", `updated ${clock()}, ${progress()}`);
      }
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) console.warn(error);
      tell("gone", "the server is gone");
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD));
    while (document.hidden) {
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    }
  }
}
