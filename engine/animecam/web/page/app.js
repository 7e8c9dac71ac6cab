// The page as a whole: what the buttons, keys and messages do. Each part has its own module.
import { Awake } from "./awake.js";
import { Call, listCameras } from "./call.js";
import { Recorder, saveSnapshot } from "./capture.js";
import { LookControls } from "./controls.js";
import { Stage, element } from "./stage.js";
import { Upload } from "./upload.js";

const stage = new Stage();
const awake = new Awake();
const recorder = new Recorder(stage.after, showRecording, (problem) => stage.say(problem.message));
const kept = (() => { try { return localStorage; } catch { return {}; } })(); // a browser may be told to keep nothing
let hello;
let controls;
let call = null;
let upload = null;
let retry = start;

// Whether the server said what it offers.
async function begin() {
  setUpTheme();
  connectButtons();
  hello = await fetch("hello").then((answer) => answer.ok && answer.json()).catch(() => null);
  if (!hello) {
    stage.showProblem({ message: "The server does not answer", hint: "Is animecam serve still running? Then reload the page." });
    return false;
  }
  controls = new LookControls(hello, lookChanged, kept);
  lookShown();
  updateTools();
  return true;
}

// Does what a click or a file asks for. It may come before the server's answer; without one there is nothing to do.
async function act(action) {
  if (await begun) action();
  else location.reload();
}

function lookChanged(changes) {
  lookShown();
  call?.send(changes);
  if ("max_faces" in changes) offerFaces(0);
  if (stage.state !== "result") return;
  stage.say(isOutdated() ? "Redraw shows what has changed" : "");
  updateTools();
}

// Whether a result was drawn with another look than the one that is chosen now.
function isOutdated() {
  return JSON.stringify(upload?.look) !== JSON.stringify(controls.forFile());
}

function lookShown() {
  stage.mirror(controls.look.mirror);
  element("mirror").setAttribute("aria-pressed", String(controls.look.mirror));
}

// Beside the news that there are more faces than are drawn: what to do about it.
function offerFaces(leftOut, drawn = controls.look.max_faces) {
  const count = leftOut ? controls.facesFor(leftOut, drawn) : null;
  stage.offer(count && `Draw up to ${count} faces`, () => {
    controls.change({ max_faces: count });
    if (stage.state === "result") draw(upload.file);
  });
}

async function start() {
  stop();
  retry = start;
  const mine = new Call({ look: controls.look, wishes: controls.cameraWishes() }, {
    connecting: (text) => mine === call && stage.showBusy(text, null),
    camera: (stream) => mine === call && cameraOpened(stream),
    live: (stream) => mine === call && wentLive(stream),
    lost: (seconds) => mine === call && linkLost(seconds),
    look: (look) => { if (mine === call) { controls.show(look); lookShown(); } },
    figures: (figures) => { if (mine === call) { stage.showFigures(figures); offerFaces(figures.left_out); } },
    note: (problem) => mine === call && stage.say(problem.hint ? `${problem.message}: ${problem.hint}` : problem.message),
    ended: (problem) => mine === call && callEnded(problem),
  });
  call = mine;
  updateTools();
  await mine.start();
}

async function cameraOpened(stream) {
  stage.showBefore(stream);
  controls.showCameras(await listCameras(), stream.getVideoTracks()[0]?.getSettings().deviceId);
}

async function camerasChanged() {
  if (controls) controls.showCameras(await listCameras());
}

function wentLive(stream) {
  awake.keep(true);
  stage.showLive(stream);
  stage.say("");
  updateTools();
}

// The next try is in so many seconds, or now.
function linkLost(seconds) {
  recorder.stop();
  stage.showBusy("The connection to the engine was lost", null);
  stage.say(seconds ? `Trying again in ${seconds} s` : "Trying again");
  updateTools();
}

function callEnded(problem) {
  recorder.stop();
  awake.keep(false);
  call = null;
  stage.showIdle();
  if (problem) stage.showProblem(problem);
  updateTools();
}

function stop() {
  recorder.stop();
  awake.keep(false);
  call?.close();
  call = null;
  upload?.close();
  upload = null;
  controls?.begin(hello.look);
  stage.showIdle();
  updateTools();
}

function draw(file, note = "") {
  stop();
  controls.begin(hello.file_look, file.type.startsWith("image/") ? hello.still_faces : hello.file_look.max_faces);
  retry = () => draw(file, note);
  const mine = new Upload(file, controls.forFile(), hello.limits, {
    progress: (text, done) => mine === upload && stage.showBusy(text, done),
    accepted: (job) => mine === upload && controls.tellFaces(job.max_faces),
    done: (job) => mine === upload && uploadDone(job, mine, note),
    failed: (problem) => { if (mine === upload) { stop(); stage.showProblem(problem); } },
  });
  upload = mine;
  updateTools();
  stage.say(note);
  mine.start();
}

function uploadDone(job, { file, look }, note) {
  stage.showResult(job, file, { isMirrored: look.mirror });
  const link = element("save");
  link.href = `jobs/${job.id}/result?download`;
  link.download = job.name;
  stage.say(note + (job.hint ? `${job.message}; ${job.hint}` : job.message));
  offerFaces(job.left_out, job.max_faces);
  updateTools();
}

function updateTools() {
  const focused = document.activeElement;
  const isLive = stage.state === "live";
  const isResult = stage.state === "result";
  for (const id of ["snapshot", "record"]) element(id).disabled = !isLive;
  element("record").hidden = isResult;
  element("snapshot").hidden = isResult;
  element("compare").disabled = !(isLive || stage.canCompare);
  element("full").disabled = !(isLive || isResult);
  element("full").hidden = !stage.canFill;
  element("stop").disabled = !(call || upload);
  element("save").hidden = element("again").hidden = !isResult;
  element("stop-text").textContent = element("stop").title = isResult ? "Close" : "Stop";
  element("again").disabled = !(isResult && isOutdated());
  stage.keepFocus(focused);
}

function toggleMirror() {
  controls.change({ mirror: !controls.look.mirror });
}

function snapshot() {
  if (stage.state !== "live") return;
  saveSnapshot(stage.after);
  stage.flash();
  stage.say("Snapshot saved");
}

function toggleRecording() {
  if (stage.state === "live" || recorder.isRunning) recorder.toggle();
}

function showRecording(seconds) {
  const isRunning = seconds !== null;
  element("record").setAttribute("aria-pressed", String(isRunning));
  const clock = `${Math.floor((seconds ?? 0) / 60)}:${String((seconds ?? 0) % 60).padStart(2, "0")}`;
  element("record-text").textContent = isRunning ? clock : "Record";
  if (!seconds) stage.say(isRunning ? "" : "Recording saved"); // what is said amid a recording stays
}

// The browser asks whether to leave: what was recorded, or is being drawn, would be lost.
function warnOfLoss(event) {
  if (recorder.isRunning || (upload && stage.state === "busy")) event.preventDefault();
}

function connectButtons() {
  const actions = {
    start, stop, cancel: stop, snapshot, record: toggleRecording, full: () => stage.toggleFullScreen(), mirror: toggleMirror,
    compare: () => stage.toggleCompare(), again: () => draw(upload.file), retry: () => retry(), back: stop,
    another: () => element("file").click(), reset: () => controls.reset(),
  };
  for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", () => act(action));
  element("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) act(() => draw(file));
  });
  for (const id of ["camera", "resolution", "way"]) element(id).addEventListener("change", () => call && start());
  navigator.mediaDevices?.addEventListener("devicechange", camerasChanged);
  connectDrop();
  const keys = element("keys"); // who dictates, or leans on the keyboard, can switch single letters off
  keys.checked = kept.keys !== "off";
  keys.addEventListener("change", () => { kept.keys = keys.checked ? "on" : "off"; });
  document.addEventListener("keydown", pressed);
  window.addEventListener("beforeunload", warnOfLoss);
  window.addEventListener("pagehide", stop);
}

// Anywhere on the page: beside the stage the browser would leave the page for the file, and a session with it.
function connectDrop() {
  const { classList } = element("stage");
  document.addEventListener("dragover", (event) => { event.preventDefault(); classList.add("over"); });
  document.addEventListener("dragleave", () => classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    classList.remove("over");
    const { files } = event.dataTransfer;
    if (files.length) act(() => draw(files[0], files.length > 1 ? `Only the first of ${files.length} files is drawn. ` : ""));
  });
}

function pressed(event) {
  const untyped = "[type=radio], [type=range], [type=checkbox], [type=file]";
  const isTyping = event.target.closest?.(`select, input:not(${untyped}), textarea`);
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping || !controls || !element("keys").checked) return;
  const [weaker, stronger] = [-1, 1].map((steps) => () => controls.nudge("strength", steps));
  const actions = {
    b: () => element("compare").disabled || stage.toggleCompare(),
    d: () => controls.change({ shows_boxes: !controls.look.shows_boxes }),
    e: () => controls.stepOn("eyes"), l: () => controls.stepOn("line"),
    t: () => controls.chooseNext("hair_tint"), o: () => controls.chooseNext("scope"),
    p: () => controls.chooseNext("palette"), u: () => controls.chooseNext("unseen"), g: () => controls.nextBackground(),
    m: toggleMirror, s: snapshot, r: toggleRecording, f: () => stage.toggleFigures(),
    "[": weaker, "-": weaker, "]": stronger, "+": stronger, // many keyboards have brackets on a third level only
  };
  const key = event.key.toLowerCase(); // Caps Lock may be on
  if (/^[1-9]$/.test(key)) controls.chooseStyle(Number(key) - 1);
  else if (Object.hasOwn(actions, key)) actions[key]();
  else return;
  event.preventDefault();
}

function setUpTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => { root.dataset.theme = kept.theme ?? (system.matches ? "dark" : "light"); };
  system.addEventListener("change", apply);
  element("theme").addEventListener("click", () => {
    kept.theme = root.dataset.theme === "dark" ? "light" : "dark";
    apply();
  });
  apply();
}

const begun = begin();
