// Snapshots and recordings, made and kept in the browser.

const CHUNK_MS = 1000;
const KINDS = ["video/mp4;codecs=avc1.42E01E", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];
const BITS_PER_S = 6_000_000;
const MINUTE_MS = 60_000;
const REVOKE_MS = 60_000; // the browser has long begun to save by then

export function saveSnapshot(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => blob && save(blob, "png"), "image/png");
}

export class Recorder {
  constructor(video, show, failed) {
    Object.assign(this, { video, show, failed });
    this.recorder = null;
  }

  get isRunning() {
    return this.recorder !== null;
  }

  toggle() {
    if (this.isRunning) this.stop();
    else this.#start();
  }

  stop() {
    if (this.recorder?.state === "recording") this.recorder.stop();
  }

  #start() {
    const kind = window.MediaRecorder && KINDS.find((type) => MediaRecorder.isTypeSupported(type));
    if (!kind) return this.failed({ message: "This browser cannot record" });
    const chunks = [];
    const recorder = new MediaRecorder(this.video.srcObject, { mimeType: kind, videoBitsPerSecond: BITS_PER_S });
    recorder.ondataavailable = (event) => event.data.size && chunks.push(event.data);
    recorder.onstop = () => this.#finish(chunks, kind);
    recorder.start(CHUNK_MS);
    this.recorder = recorder;
    const begun = performance.now();
    this.clock = setInterval(() => this.show(Math.floor((performance.now() - begun) / 1000)), CHUNK_MS);
    this.show(0);
  }

  #finish(chunks, kind) {
    clearInterval(this.clock);
    this.recorder = null;
    const type = kind.split(";")[0];
    this.show(null);
    if (chunks.length) save(new Blob(chunks, { type }), type.split("/")[1]);
    else this.failed({ message: "Nothing was recorded" });
  }
}

function save(blob, suffix) {
  const url = URL.createObjectURL(blob);
  const now = new Date();
  const here = new Date(now - now.getTimezoneOffset() * MINUTE_MS); // as the clock on the user's wall, and not in London
  const time = here.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", "-");
  const link = Object.assign(document.createElement("a"), { href: url, download: `animecam ${time}.${suffix}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
}
