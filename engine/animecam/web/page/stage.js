// The one place where pictures are shown: nothing yet, at work, live, a result, or a problem.

export function element(id) {
  return document.getElementById(id);
}

// What the server says begins with a small letter, for whoever runs it; the name of a file stays what it is.
function sentence(text) {
  return text.replace(/^[a-z]+(?= )/, (word) => word[0].toUpperCase() + word.slice(1));
}

const FLASH_MS = 400;
const SLOW_FPS = 10; // below it a tenth is worth telling

export class Stage {
  constructor() {
    this.root = element("stage");
    this.after = element("after");
    this.state = "idle";
    this.canCompare = false;
    this.wantsFigures = true;
    this.crowd = "";
    this.objectUrls = [];
    element("split-position").addEventListener("input", (event) => this.#split(event.target.value));
    this.after.addEventListener("resize", () => this.#fit(this.after.videoWidth, this.after.videoHeight));
    this.after.addEventListener("error", () => this.#cannotPlay());
    element("after-picture").addEventListener("load", (event) => this.#fit(event.target.naturalWidth, event.target.naturalHeight));
  }

  showIdle() {
    this.after.srcObject = null;
    this.after.removeAttribute("src");
    this.after.controls = false;
    this.after.loop = false;
    element("before-video").srcObject = null;
    for (const url of this.objectUrls.splice(0)) URL.revokeObjectURL(url);
    this.#pictures(null, null);
    this.canCompare = false;
    this.compare(false);
    this.root.style.removeProperty("--ratio");
    element("figures").hidden = true;
    this.say("");
    this.offer(null);
    this.crowd = "";
    this.#speak("");
    this.#enter("idle");
  }

  // What the browser can fill the screen with: this stage, or on an iPhone a video alone.
  get canFill() {
    return Boolean(document.fullscreenEnabled || this.after.webkitEnterFullscreen);
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (document.fullscreenEnabled) this.root.requestFullscreen().catch(() => {});
    else this.after.webkitEnterFullscreen?.();
  }

  showBusy(text, done) {
    this.#speak(text.replace(/ *\d.*/, "")); // what is done is news, each per cent of it is not
    element("busy-text").textContent = text;
    element("busy-bar").hidden = done === null;
    if (done !== null) element("busy-bar").value = done;
    element("figures").hidden = true; // of a session that lost its link they tell nothing any more
    this.offer(null);
    this.#enter("busy");
  }

  showProblem({ message, hint, isFinal }) {
    element("problem-message").textContent = sentence(message);
    element("problem-hint").textContent = sentence(hint ?? "");
    element("retry").hidden = Boolean(isFinal);
    this.#enter("problem");
    element(isFinal ? "another" : "retry").focus({ preventScroll: true }); // after the sheet is shown: it goes with the bad news
  }

  showBefore(stream) {
    element("before-video").srcObject = stream;
  }

  showLive(stream) {
    this.after.srcObject = stream;
    this.after.play().catch(() => {});
    this.canCompare = true;
    element("figures").hidden = !this.wantsFigures;
    this.crowd = ""; // what was said of it before is said again
    this.#enter("live");
    this.#speak("Live");
  }

  showResult(job, file, { isMirrored }) {
    const url = `jobs/${job.id}/result`;
    this.canCompare = job.is_picture;
    if (job.is_picture) {
      const original = URL.createObjectURL(file);
      this.objectUrls.push(original);
      this.#pictures(original, url);
      element("before-picture").classList.toggle("mirrored", isMirrored); // as the drawing that it is compared with
    } else {
      Object.assign(this.after, { src: url, controls: true, loop: true });
    }
    this.#enter("result");
    this.#speak("The drawing is ready");
    if (job.is_picture) this.compare(true);
  }

  showFigures({ fps_out, latency_p50_ms, latency_p95_ms, delay_ms, faces, crowd, dropped, backend }) {
    const round = (value) => (value === undefined ? "–" : Math.round(value));
    element("f-fps").textContent = fps_out < SLOW_FPS ? fps_out.toFixed(1) : round(fps_out); // 0 would be none at all
    element("f-engine").textContent = `${round(latency_p50_ms)} / ${round(latency_p95_ms)} ms`;
    element("f-delay").textContent = delay_ms ? `${round(delay_ms)} ms` : "–";
    const { videoWidth, videoHeight } = this.after;
    element("f-size").textContent = videoWidth ? `${videoWidth} × ${videoHeight}` : "–";
    element("f-faces").textContent = faces;
    this.#tellOfCrowd(crowd);
    element("f-dropped").textContent = dropped;
    element("f-backend").textContent = backend;
  }

  // When it begins and when it changes: something else may be said meanwhile, and stays.
  #tellOfCrowd(crowd) {
    if (crowd !== this.crowd && (crowd || element("status").textContent === sentence(this.crowd))) this.say(crowd);
    this.crowd = crowd;
  }

  toggleFigures() {
    this.wantsFigures = !this.wantsFigures;
    element("figures").hidden = !(this.wantsFigures && this.state === "live");
  }

  toggleCompare() {
    this.compare(element("split").hidden);
  }

  compare(isOn) {
    element("split").hidden = element("before").hidden = !isOn;
    element("compare").setAttribute("aria-pressed", String(isOn));
    if (isOn) element("before-video").play().catch(() => {});
  }

  mirror(isOn) {
    this.root.classList.toggle("mirrored", isOn);
  }

  flash() {
    this.root.classList.add("flash");
    setTimeout(() => this.root.classList.remove("flash"), FLASH_MS);
  }

  // A button that is hidden or does nothing any more would lose the keyboard: the next one to press gets it.
  keepFocus(focused) {
    if (!focused?.closest?.(".sheet[hidden], #more-faces[hidden], #tools [hidden], #tools :disabled")) return;
    const next = element(this.state)?.querySelector("button:not([hidden])") ?? element(this.canFill ? "full" : "stop");
    next.disabled = false;
    next.focus({ preventScroll: true });
  }

  say(text) {
    element("status").textContent = sentence(text ?? "");
  }

  // A button beside what is said, or none.
  offer(text, action) {
    const [button, focused] = [element("more-faces"), document.activeElement];
    button.hidden = !text;
    button.textContent = text ?? "";
    button.onclick = action;
    this.keepFocus(focused);
  }

  #enter(state) {
    this.state = this.root.dataset.state = state;
    const focused = document.activeElement;
    for (const sheet of ["idle", "busy", "problem"]) element(sheet).hidden = sheet !== state;
    this.keepFocus(focused);
  }

  // A browser knows neither AVI nor every codec; the file itself is as good as any.
  #cannotPlay() {
    if (this.state === "result") this.say("This browser cannot play the clip: download it to see it");
  }

  // For those who listen to the page: what the eye sees anyway.
  #speak(text) {
    if (element("spoken").textContent !== text) element("spoken").textContent = text;
  }

  #split(percent) {
    element("split-position").setAttribute("aria-valuetext", `${Math.round(percent)} % before`);
    this.root.style.setProperty("--split", `${percent}%`);
  }

  #fit(width, height) {
    if (width && height) this.root.style.setProperty("--ratio", String(width / height));
  }

  #pictures(before, after) {
    for (const [id, url] of [["before-picture", before], ["after-picture", after]]) {
      element(id).hidden = url === null;
      if (url === null) element(id).removeAttribute("src");
      else element(id).src = url;
    }
    element("before-video").hidden = before !== null;
  }
}
