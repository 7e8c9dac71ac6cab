// One live session: opens the camera and sends it by WebRTC or, where that does not get through, by WebSocket.
import { RtcLink } from "./rtc.js";
import { SocketLink } from "./socket.js";

const SILENT_MS = 5000; // the engine sends figures twice a second; silence means that it is gone
const WATCH_MS = 1000;

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
  }

  async start() {
    try {
      this.tell.connecting("Waiting for the camera");
      this.camera = await openCamera(this.wishes);
      if (this.isOver) return this.#release();
      this.tell.camera(this.camera);
      const [track] = this.camera.getVideoTracks();
      const paused = { message: "The camera sends no pictures", hint: "it is switched off, covered or used elsewhere" };
      track.onmute = () => this.isOver || this.tell.note(paused);
      track.onunmute = () => this.isOver || this.tell.note({ message: "" });
      track.onended = () => this.#end({ message: "The camera was unplugged", hint: "Plug it in again, then try again." });
      await this.#connect();
    } catch (problem) {
      this.#end(problem.message ? problem : { message: String(problem) });
    }
  }

  send(changes) {
    this.look = { ...this.look, ...changes };
    if (!this.link?.send(JSON.stringify(changes))) Object.assign(this.unheard, changes);
  }

  close() {
    this.#end(null);
  }

  async #connect() {
    this.tell.connecting("Connecting to the engine");
    const { way } = this.wishes;
    let stream = way === "socket" ? null : await this.#try(RtcLink);
    if (!stream && !this.isOver && way !== "rtc") {
      if (!way) this.tell.connecting("WebRTC does not get through; trying a WebSocket");
      stream = await this.#try(SocketLink);
    }
    if (this.isOver) return;
    if (!stream) return this.#lost();
    this.heard = performance.now();
    this.watch = setInterval(() => this.#watch(), WATCH_MS);
    this.tell.live(stream);
  }

  // The drawn stream, or null where this way does not get through; a refusal is thrown.
  async #try(Link) {
    const link = (this.link = new Link(this.camera, this.look, {
      message: (text) => link === this.link && this.#take(JSON.parse(text)),
      lost: () => link === this.link && this.watch && this.#lost(),
    }));
    const stream = await link.open();
    if (!stream) link.close();
    return stream;
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
    if (performance.now() - this.heard > SILENT_MS) this.#lost();
    else this.link.measure();
  }

  #lost() {
    this.#end({ message: "The connection to the engine was lost", hint: "The server was stopped, or the network failed." });
  }

  #end(problem) {
    if (this.isOver) return;
    this.isOver = true;
    this.#release();
    this.tell.ended(problem);
  }

  #release() {
    clearInterval(this.watch);
    this.camera?.getTracks().forEach((track) => track.stop());
    this.link?.close();
  }
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
