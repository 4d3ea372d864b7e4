// Figures: drawn when they are near the viewport, in the page's colours and font.
// CONFIG (for Plotly.newPlot) is defined before this script, as for standalone figures.


// Figures narrower than this many pixels use the phone layout.
const NARROW = 560;

/** The page's current colours and font. */
function look() {
  const probe = document.body.appendChild(document.createElement("span"));
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ["ink", "soft", "surface", "grid", "axis", "strong-rule", "accent"];
  const found = Object.fromEntries(names.map((name) => [name, colour(name)]));
  found.family = getComputedStyle(document.body).fontFamily;
  probe.remove();
  return found;
}

/** A figure's layout in the page's style, adapted to narrow screens. */
function themed(layout, place) {
  const page = look();
  const narrow = place.clientWidth < NARROW;
  const made = {
    ...layout,
    autosize: true,
    uirevision: place.id,
    paper_bgcolor: page.surface,
    plot_bgcolor: page.surface,
    font: { size: narrow ? 12 : 13, ...layout.font, family: page.family, color: page.ink },
    hoverlabel: {
      ...layout.hoverlabel,
      bgcolor: page.surface,
      bordercolor: page["strong-rule"],
      font: { ...layout.hoverlabel?.font, family: page.family, color: page.ink },
    },
    modebar: { bgcolor: page.surface, color: page.soft, activecolor: page.accent },
  };
  delete made.title; // shown above the figure
  const paper = document.documentElement.dataset.printing !== undefined;
  if (paper) made.height = Math.round(0.8 * (layout.height ?? place.clientHeight)); // two figures per page
  const lines = { gridcolor: page.grid, zerolinecolor: page.axis, linecolor: page.axis, tickcolor: page.axis };
  for (const name of Object.keys(made).filter((key) => /^[xy]axis\d*$/.test(key))) {
    made[name] = { automargin: true, ...made[name], ...lines };
  }
  if (narrow && layout.legend?.orientation !== "h") {
    made.legend = { ...layout.legend, orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom" };
  }
  return made;
}

/** Traces with unique uids, so that hidden traces stay hidden after an update. */
function identified(traces) {
  const seen = new Map();
  return traces.map((trace) => {
    const name = `${trace.type} ${trace.name}`;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return { uid: `${name} ${seen.get(name)}`, ...trace };
  });
}

/** Adjust the bottom margin to the legend's actual height, which was only estimated. */
async function fitLegend(place) {
  const layout = place.layout;
  const box = place.querySelector(".legend .bg")?.getBBox();
  if (!box || layout.legend?.orientation !== "h" || layout.legend.yref !== "container") return;
  const room = Math.ceil(box.height) + 12;
  const spare = layout.margin.b - room;
  if (Math.abs(spare) < 6) return;
  place.style.height = `${layout.height - spare}px`;
  await Plotly.relayout(place, { height: layout.height - spare, "margin.b": room });
}

/** Draw a figure, or update it from its current JSON. */
async function draw(place) {
  const again = place.dataset.drawn === "true";
  place.dataset.drawn = again ? "true" : "drawing";
  try {
    const { data, layout } = JSON.parse(document.getElementById(place.dataset.json).textContent);
    place.dataset.narrow = place.clientWidth < NARROW;
    const plot = again ? Plotly.react : Plotly.newPlot;
    const name = place.id.replace(/^plot-/, "");
    const config = { ...CONFIG, toImageButtonOptions: { filename: name, scale: 2 } };
    const looks = themed(layout ?? {}, place);
    place.style.height = `${looks.height}px`; // keep the height when the window is resized
    await plot(place, identified(data), looks, config);
    await fitLegend(place);
    place.dataset.drawn = "true";
  } catch (error) {
    console.error(error);
    place.dataset.drawn = "failed";
    place.textContent = "This figure could not be drawn. It is told in words below.";
  }
}

const isDrawn = (place) => place.dataset.drawn === "true" || place.dataset.drawn === "drawing";
const figures = () => [...document.querySelectorAll(".figure")];

const near = new IntersectionObserver(
  (seen) => {
    for (const { target } of seen.filter((each) => each.isIntersecting)) {
      near.unobserve(target);
      if (!isDrawn(target)) draw(target);
    }
  },
  { rootMargin: "600px 0px" },
);

const widths = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const changed = String(target.clientWidth < NARROW) !== target.dataset.narrow;
    if (target.dataset.drawn === "true" && changed && target.clientWidth) draw(target);
  }
});

/** Draw figures when they are near the viewport, and redraw when they become narrow or wide. */
function watchFigures(places) {
  for (const place of places) {
    if (!isDrawn(place)) near.observe(place);
    widths.observe(place);
  }
}

/** Redraw the figures already drawn, after a change of theme. */
function redraw() {
  figures().filter((place) => place.dataset.drawn === "true").forEach(draw);
}
