// The look and how it is chosen: gallery, sliders, scope, detail; and the wishes for the camera.
import { element } from "./stage.js";

const SLIDERS = [
  { name: "strength", label: "Strength", step: 0.05 },
  { name: "eyes", label: "Larger eyes", step: 0.05 },
  { name: "line", label: "Line weight", step: 0.05 },
];
const PASSING = "shows_boxes"; // a look at the detector, which nobody wants to find again
const KEY_STEP = 0.25;
const SCOPES = { head: "Heads", person: "People", frame: "Everything" };
const PALETTES = { color: "In colour", manga: "Manga" };
const UNSEEN = { draw: "Draw all", keep: "As filmed", blur: "Blur" };
const RESOLUTIONS = [[320, 240], [640, 480], [960, 540], [1280, 720], [1920, 1080]];
const USUAL_WIDTH = 640;
const DETAILS = [[192, "Fast"], [256, "Normal"], [384, "Fine"], [512, "Finest"]];
const FACES = [1, 2, 4, 8, 16, 32];
const BACKGROUNDS = { keep: "As filmed", blur: "Blurred", picture: "Picture", green: "Green", blue: "Blue", white: "White", gray: "Gray", black: "Black" };
const QUALITIES = { auto: "Automatic", full: "Full (slower)", lite: "Lite (faster)" };

export class LookControls {
  // `kept` is where the browser keeps things for the next visit; it may keep nothing.
  constructor(hello, changed, kept) {
    this.look = { ...hello.look };
    this.styles = hello.styles;
    this.changed = changed;
    this.kept = kept;
    this.#buildStyles();
    this.#buildSliders();
    this.#buildHair(hello.hair_tints);
    this.#buildSegments("scopes", "scope", hello.scopes, SCOPES);
    this.#buildSegments("palettes", "palette", hello.palettes, PALETTES);
    this.#buildSegments("unseen", "unseen", hello.unseen, UNSEEN);
    this.#buildSelects(hello);
    const recalled = this.#recalled(hello);
    this.chosen = new Set(Object.keys(recalled)); // names of what the user has changed
    Object.assign(this.look, recalled);
    this.begin(hello.look);
  }

  change(changes) {
    for (const name of Object.keys(changes)) this.chosen.add(name);
    const all = this.#usable({ ...this.look, ...changes }) ? changes : { ...changes, quality: "auto" };
    this.show({ ...this.look, ...all });
    this.#keep();
    this.changed(all);
  }

  // What a file is drawn with is not what a camera is, but for what the user has chosen. Of a still picture more faces
  // are drawn than a page may ask for.
  begin(usual, faces = usual.max_faces) {
    this.usual = { ...usual, max_faces: faces };
    const rest = Object.entries(this.usual).filter(([name]) => !this.chosen.has(name));
    const look = { ...this.look, ...Object.fromEntries(rest) };
    this.show(this.#usable(look) ? look : { ...look, quality: "auto" });
  }

  // As when nothing was chosen, at an earlier visit neither.
  reset() {
    this.chosen.clear();
    const before = this.look;
    this.begin(this.usual);
    this.#keep();
    this.changed(Object.fromEntries(Object.entries(this.look).filter(([name, value]) => before[name] !== value)));
  }

  // The server says how many faces of a file are drawn.
  tellFaces(count) {
    if (!this.chosen.has("max_faces")) this.begin(this.usual, count);
  }

  // A number of faces that nobody chose is not named: it is that of films, and of pictures more are drawn.
  forFile() {
    const { max_faces, ...rest } = this.look;
    return this.chosen.has("max_faces") ? { ...rest, max_faces } : rest;
  }

  // The least number of faces to choose that draws those who are left out, or the most there is; null: no more can be had.
  facesFor(leftOut, drawn) {
    const more = this.faces.filter((count) => count > drawn);
    return more.find((count) => count >= drawn + leftOut) ?? more.at(-1) ?? null;
  }

  show(look) {
    this.look = { ...look };
    for (const input of document.querySelectorAll("aside input[type=radio]")) {
      input.checked = look[input.name] === input.value;
    }
    for (const input of element("sliders").querySelectorAll("input")) {
      input.value = look[input.name];
      const percent = `${Math.round(look[input.name] * 100)} %`;
      input.setAttribute("aria-valuetext", percent);
      input.previousElementSibling.textContent = percent;
    }
    element("detail").value = String(look.size_px);
    this.#showFaces(look.max_faces);
    this.#showBackground(look.background);
    element("quality").value = look.quality;
    for (const option of element("quality").options) option.disabled = !this.#usable({ ...look, quality: option.value });
  }

  chooseStyle(index) {
    if (index < this.styles.length) this.change({ style: this.styles[index].name });
  }

  nudge(name, steps) {
    const { step } = SLIDERS.find((slider) => slider.name === name);
    const value = Math.min(1, Math.max(0, Math.round((this.look[name] + 2 * steps * step) * 100) / 100));
    this.change({ [name]: value });
  }

  // The next step of a slider, after the last one the first again; as the window's keys.
  stepOn(name) {
    const next = Math.round(this.look[name] / KEY_STEP + 1) * KEY_STEP;
    this.change({ [name]: next <= 1 ? next : 0 });
  }

  // The next one of some choices, after the last one the first again.
  chooseNext(name) {
    const choices = [...document.querySelectorAll(`aside input[name=${name}]`)].map((input) => input.value);
    this.change({ [name]: choices[(choices.indexOf(this.look[name]) + 1) % choices.length] });
  }

  nextBackground() {
    this.change({ background: this.backgrounds[(this.backgrounds.indexOf(this.look.background) + 1) % this.backgrounds.length] });
  }

  cameraWishes() {
    const [width, height] = element("resolution").value.split("x").map(Number);
    return { deviceId: element("camera").value, width, height, way: element("way").value };
  }

  // The chosen camera stays in the list when it is unplugged: it may come back.
  showCameras(cameras, used = element("camera").value) {
    const [chosen] = element("camera").selectedOptions;
    const known = cameras.filter((camera) => camera.deviceId); // without the user's leave browsers tell no names
    const options = known.map((camera, index) => new Option(camera.label || `Camera ${index + 1}`, camera.deviceId));
    if (!known.some((camera) => camera.deviceId === used)) options.unshift(chosen);
    element("camera").replaceChildren(...options);
    if (options[0] !== chosen) element("camera").value = used;
  }

  #buildStyles() {
    const cards = this.styles.map((style, index) => {
      const card = document.createElement("label");
      card.className = "style";
      card.title = style.description;
      const input = radio("style", style.name, () => this.change({ style: style.name }));
      if (index < 9) input.setAttribute("aria-keyshortcuts", String(index + 1));
      const picture = new Image(96, 96);
      picture.className = "picture";
      picture.alt = "";
      picture.src = `styles/${encodeURIComponent(style.name)}.jpg`;
      card.append(input, picture, text("span", style.name));
      return card;
    });
    element("styles").replaceChildren(...cards);
  }

  #buildSliders() {
    const known = SLIDERS.filter(({ name }) => name in this.look);
    element("sliders").replaceChildren(...known.map(({ name, label, step }) => {
      const box = document.createElement("label");
      box.className = "slider";
      const input = Object.assign(document.createElement("input"), { type: "range", name, min: 0, max: 1, step });
      input.addEventListener("input", () => this.change({ [name]: Number(input.value) }));
      const shown = Object.assign(document.createElement("output"), { ariaHidden: "true" }); // the slider says it itself
      box.htmlFor = input.id = `slider-${name}`; // an output can have a label, too: say whose this one is
      box.append(text("span", label), shown, input);
      return box;
    }));
  }

  #buildHair(tints) {
    const swatches = Object.entries({ "": "", ...tints }).map(([name, color]) => {
      const box = document.createElement("label");
      box.className = "swatch";
      box.title = name || "as drawn";
      const input = radio("hair_tint", name, () => this.change({ hair_tint: name }));
      input.setAttribute("aria-label", name || "as drawn");
      const dot = text("span", name ? "" : "–");
      dot.style.background = color;
      box.append(input, dot);
      return box;
    });
    element("hair").replaceChildren(...swatches);
  }

  #buildSegments(id, name, choices, labels) {
    element(id).replaceChildren(...choices.map((choice) => {
      const box = document.createElement("label");
      box.className = "segment";
      box.append(radio(name, choice, () => this.change({ [name]: choice })), text("span", labels[choice] ?? choice));
      return box;
    }));
  }

  // What is drawn where nobody chose is offered as well, though a page may ask for less only.
  #showFaces(drawn) {
    const select = element("faces");
    const counts = [...new Set([...this.faces, this.usual.max_faces, drawn])].sort((one, other) => one - other);
    if (counts.join() !== [...select.options].map(({ value }) => value).join()) { // or a list that is open would close
      select.replaceChildren(...counts.map((count) => new Option(`Up to ${count}`, String(count))));
    }
    select.value = String(drawn);
  }

  // A server may have been started with a colour that has no name.
  #showBackground(shown) {
    const select = element("background");
    if (![...select.options].some(({ value }) => value === shown)) select.add(new Option(shown, shown));
    select.value = shown;
  }

  #chooseFaces(count) {
    if (this.faces.includes(count)) return this.change({ max_faces: count });
    this.chosen.delete("max_faces");
    this.begin(this.usual, count);
    this.#keep();
    this.changed({ max_faces: count });
  }

  #keep() {
    const mine = Object.entries(this.look).filter(([name]) => this.chosen.has(name) && name !== PASSING);
    try { this.kept.look = JSON.stringify(Object.fromEntries(mine)); } catch { /* the browser has no room */ }
  }

  // What was chosen at an earlier visit, as far as this server offers it still.
  #recalled({ hair_tints, scopes, palettes, unseen, backgrounds, qualities }) {
    const offered = {
      style: this.styles.map(({ name }) => name), hair_tint: ["", ...Object.keys(hair_tints)], scope: scopes,
      palette: palettes, unseen, background: backgrounds, quality: qualities, max_faces: this.faces, size_px: this.details,
      mirror: [true, false],
    };
    const sliders = SLIDERS.map(({ name }) => name);
    const isLevel = (name, value) => sliders.includes(name) && typeof value === "number" && value >= 0 && value <= 1;
    const isOffered = ([name, value]) => (Object.hasOwn(offered, name) ? offered[name].includes(value) : isLevel(name, value));
    try {
      return Object.fromEntries(Object.entries(JSON.parse(this.kept.look ?? "{}")).filter(isOffered));
    } catch {
      return {}; // what is kept is damaged, or nothing is
    }
  }

  // Not every style has every network.
  #usable({ style, quality }) {
    const { qualities } = this.styles.find(({ name }) => name === style) ?? { qualities: [] };
    return quality === "auto" || qualities.includes(quality);
  }

  #buildSelects({ limits, sizes_px, look, file_look, qualities, backgrounds }) {
    const fits = RESOLUTIONS.filter(([width, height]) => width <= limits.width_px && height <= limits.height_px);
    const usable = fits.length ? fits : [[limits.width_px, limits.height_px]];
    element("resolution").replaceChildren(...usable.map(([w, h]) => new Option(`${w} × ${h}`, `${w}x${h}`, false, w === USUAL_WIDTH)));
    const details = DETAILS.filter(([px]) => px >= sizes_px.smallest && px <= sizes_px.largest);
    if (!details.some(([px]) => px === look.size_px)) details.push([look.size_px, "As started"]);
    element("detail").replaceChildren(...details.map(([px, name]) => new Option(`${name} (${px} px)`, String(px))));
    this.details = details.map(([px]) => px);
    element("detail").addEventListener("change", (event) => this.change({ size_px: Number(event.target.value) }));
    const counts = new Set([...FACES, look.max_faces, file_look.max_faces]);
    this.faces = [...counts].filter((count) => count <= limits.faces).sort((one, other) => one - other);
    element("faces").addEventListener("change", (event) => this.#chooseFaces(Number(event.target.value)));
    this.backgrounds = backgrounds;
    element("background").replaceChildren(...backgrounds.map((name) => new Option(BACKGROUNDS[name] ?? name, name)));
    element("background").addEventListener("change", (event) => this.change({ background: event.target.value }));
    element("quality").replaceChildren(...qualities.map((name) => new Option(QUALITIES[name] ?? name, name)));
    element("quality").addEventListener("change", (event) => this.change({ quality: event.target.value }));
  }
}

function radio(name, value, chosen) {
  const input = Object.assign(document.createElement("input"), { type: "radio", name, value });
  input.addEventListener("change", chosen);
  return input;
}

function text(tag, content) {
  return Object.assign(document.createElement(tag), { textContent: content });
}
