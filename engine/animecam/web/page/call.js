// One live session: opens the camera and sends it by WebRTC or, where that does not get through, by WebSocket. A link
// that is lost is made anew, again and again, until the user hangs up or the server says that there is no use.
import { PAUSES_S, isServerThere, pause } from "./again.js";
import { RtcLink } from "./rtc.js";
import { SocketLink } from "./socket.js";

const SILENT_MS = 5000; // the engine sends figures twice a second; silence means that it is gone
const WATCH_MS = 1000;
const ASLEEP_MS = 5000; // between two looks of the watch: the laptop slept, and its camera may have been taken away

const CAMERA_PROBLEMS = {
  NotAllowedError: ["The camera was refused", "Allow this page to use the camera (beside the address), then try again."],
  NotFoundError: ["No camera was found", "Plug one in, or draw a picture or clip instead."],
  NotReadableError: ["The camera is in use by another program", "Close that program, then try again."],
  OverconstrainedError: ["The chosen camera is not there any more", "Plug it in, or choose another one, then try again."],
};

export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput");
}

export class Call {
  constructor({ look, wishes }, tell) {
    Object.assign(this, { look, wishes, tell });
    this.unheard = {}; // changes of the look for which there was no connection yet
    this.isOver = false;
    this.lived = null; // the kind of link by which it was live last
  }

  async start() {
    try {
      await this.#openCamera();
      const stream = await this.#connect();
      if (stream) this.#goLive(stream);
      else this.#end({ message: "The connection to the engine was lost", hint: "The server was stopped, or the network failed." });
    } catch (problem) {
      this.#end(toTell(problem));
    }
  }

  send(changes) {
    this.look = { ...this.look, ...changes };
    if (!this.link?.send(JSON.stringify(changes))) Object.assign(this.unheard, changes);
  }

  close() {
    this.#end(null);
  }

  async #openCamera() {
    this.tell.connecting("Waiting for the camera");
    this.camera = await openCamera(this.wishes);
    if (this.isOver) return this.#release();
    this.tell.camera(this.camera);
    const [track] = this.camera.getVideoTracks();
    const paused = { message: "The camera sends no pictures", hint: "it is switched off, covered or used elsewhere" };
    track.onmute = () => this.isOver || this.tell.note(paused);
    track.onunmute = () => this.isOver || this.tell.note({ message: "" });
    track.onended = () => this.#cameraEnded();
  }

  // The drawn stream, or null where no way gets through.
  async #connect() {
    if (this.isOver) return null;
    this.tell.connecting("Connecting to the engine");
    const { way } = this.wishes;
    const hasNoRtc = way === "socket" || (!way && this.lived === SocketLink);
    const stream = hasNoRtc ? null : await this.#try(RtcLink);
    if (stream || this.isOver || way === "rtc") return stream;
    if (!hasNoRtc) this.tell.connecting("WebRTC does not get through; trying a WebSocket");
    return this.#try(SocketLink);
  }

  #goLive(stream) {
    if (this.isOver) return;
    this.lived = this.link.constructor;
    this.heard = performance.now();
    this.watched = Date.now();
    this.watch = setInterval(() => this.#watch(), WATCH_MS);
    this.tell.live(stream);
  }

  // The drawn stream, or null where this way does not get through; a refusal is thrown.
  async #try(Link) {
    const link = (this.link = new Link(this.camera, this.look, {
      message: (text) => link === this.link && this.#take(JSON.parse(text)),
      lost: () => link === this.link && this.#lost(),
    }));
    let stream = null;
    try {
      return (stream = await link.open());
    } finally {
      if (!stream) link.close(); // also where it threw: the next try would leave it open
    }
  }

  #take(message) {
    this.heard = performance.now();
    if (message.look) {
      const unheard = this.unheard;
      [this.look, this.unheard] = [message.look, {}];
      if (Object.keys(unheard).length) this.send(unheard); // what was chosen while the camera was asked for counts
      this.tell.look(this.look);
    }
    if (message.figures) {
      this.tell.figures({ ...message.figures, delay_ms: this.link.delayMs(message.figures.latency_p50_ms) });
    }
    if (message.problem?.final) this.#end(message.problem);
    else if (message.problem) this.tell.note(message.problem);
  }

  #watch() {
    this.watched = Date.now();
    if (performance.now() - this.heard > SILENT_MS) this.#lost();
    else this.link.measure();
  }

  #cameraEnded() {
    if (this.lived && !this.watch) return; // who comes back opens it again
    if (Date.now() - this.watched > ASLEEP_MS) this.#lost();
    else this.#end({ message: "The camera was unplugged", hint: "Plug it in again, then try again." });
  }

  #lost() {
    if (!this.watch) return; // it was not live, or is coming back already
    clearInterval(this.watch);
    this.watch = null;
    this.link.close();
    this.#comeBack().catch((problem) => this.#end(toTell(problem)));
  }

  async #comeBack() {
    for (const seconds of PAUSES_S) {
      this.tell.lost(seconds);
      await pause(seconds);
      if (this.isOver) return;
      this.tell.lost(0);
      const stream = await this.#reach();
      if (this.isOver) return;
      if (stream) return this.#goLive(stream);
    }
    this.#end({
      message: "The connection to the engine was lost",
      hint: "For five minutes nobody answered: is animecam serve still running, and this device on its network?",
    });
  }

  // The drawn stream, or null where there is none yet.
  async #reach() {
    try {
      if (!(await isServerThere()) || this.isOver) return null;
      if (!this.camera.active) await this.#openCamera();
      return await this.#connect();
    } catch (problem) {
      if (problem.isPassing) return null;
      throw problem;
    }
  }

  #end(problem) {
    if (this.isOver) return;
    this.isOver = true;
    this.watch &&= clearInterval(this.watch);
    this.#release();
    this.tell.ended(problem);
  }

  #release() {
    this.camera?.getTracks().forEach((track) => track.stop());
    this.link?.close();
  }
}

function toTell(problem) {
  return problem.message ? problem : { message: String(problem) };
}

async function openCamera({ deviceId, width, height }) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw { message: "This browser gives no camera to this address", hint: "Open the page by https, or on the machine itself as localhost." };
  }
  const video = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30, max: 30 } };
  if (deviceId) video.deviceId = { exact: deviceId };
  else video.facingMode = "user";
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    const [message, hint] = CAMERA_PROBLEMS[error.name] ?? ["The camera cannot be opened", error.message];
    throw { message, hint };
  }
}
