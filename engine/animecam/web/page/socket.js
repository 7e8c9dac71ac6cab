// The way by WebSocket: JPEG pictures over the page's own connection; through tunnels, proxies and without a network.
import { PAGE } from "./again.js";

const MOST_UNDER_WAY = 2; // one being drawn, one on its way: more would only be older
const GIVE_UP_MS = 1000; // a picture that was replaced by a newer one is never answered
const CAMERA_MS = 5000; // longest wait for the camera's first picture
const OPEN_MS = 8000;
const QUALITY = 0.85;
const RATE = 30;
const SMOOTH = 0.1; // weight of the newest delay in the shown mean

export class SocketLink {
  constructor(camera, look, tell) {
    Object.assign(this, { camera, look, tell });
    this.underWay = new Map(); // clock → when it was sent
  }

  // The drawn stream; null where no connection comes about.
  async open() {
    this.video = Object.assign(document.createElement("video"), { srcObject: this.camera, muted: true, playsInline: true });
    const isPlaying = this.video.play().then(() => true);
    if (!(await Promise.race([isPlaying, new Promise((tell) => setTimeout(tell, CAMERA_MS, false))]))) {
      throw { message: "The camera sends no pictures", hint: "Switch it on or uncover it, or choose another one, then try again." };
    }
    this.canvas = document.createElement("canvas");
    this.shown = document.createElement("canvas").getContext("2d");
    this.drawn = null; // the stream of what is shown, made once
    const address = new URL("socket", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = new URLSearchParams({ look: JSON.stringify(this.look), page: PAGE });
    const socket = (this.socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    const drawn = new Promise((resolve) => {
      socket.onopen = () => this.#pump();
      socket.onmessage = ({ data }) => {
        if (typeof data === "string") this.tell.message(data);
        else this.#show(data).then(() => resolve(this.drawn ??= this.shown.canvas.captureStream(RATE)));
      };
      socket.onclose = () => {
        resolve(null);
        this.tell.lost();
      };
      setTimeout(resolve, OPEN_MS, null);
    });
    return drawn;
  }

  // Whether it could be sent.
  send(text) {
    const isOpen = this.socket?.readyState === WebSocket.OPEN;
    if (isOpen) this.socket.send(text);
    return isOpen;
  }

  delayMs() {
    return this.totalMs;
  }

  measure() {}

  close() {
    this.isClosed = true;
    this.socket?.close();
    if (this.video) this.video.srcObject = null;
  }

  // Sends the newest picture whenever the engine has room for one.
  async #pump() {
    while (!this.isClosed && this.socket.readyState === WebSocket.OPEN) {
      await newPicture(this.video);
      const now = Math.round(performance.now());
      for (const [clock, sent] of this.underWay) if (now - sent > GIVE_UP_MS) this.underWay.delete(clock);
      if (this.underWay.size >= MOST_UNDER_WAY) continue;
      const picture = await this.#picture();
      if (!picture || this.isClosed) continue;
      const message = new Uint8Array(4 + picture.byteLength);
      new DataView(message.buffer).setUint32(0, now);
      message.set(new Uint8Array(picture), 4);
      this.underWay.set(now, now);
      this.socket.send(message);
    }
  }

  async #picture() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return null;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").drawImage(this.video, 0, 0);
    const blob = await new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return blob?.arrayBuffer();
  }

  async #show(data) {
    const clock = new DataView(data).getUint32(0);
    for (const sent of this.underWay.keys()) if (sent <= clock) this.underWay.delete(sent); // older ones were replaced
    const picture = await createImageBitmap(new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" }));
    const { canvas } = this.shown;
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      Object.assign(canvas, { width: picture.width, height: picture.height });
    }
    this.shown.drawImage(picture, 0, 0);
    picture.close();
    const delay = performance.now() - clock;
    this.totalMs = this.totalMs === undefined ? delay : this.totalMs + SMOOTH * (delay - this.totalMs);
  }
}

// Waits for a new picture of a camera; a page in the background gets none, so a timer goes along.
function newPicture(video) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 4000 / RATE);
    video.requestVideoFrameCallback?.(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
