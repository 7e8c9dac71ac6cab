// One live session: the camera to the engine and back by WebRTC, looks and figures by a data channel.

const GATHER_MS = 2000; // longest wait for the browser's own addresses; there is no outside server to ask
const SILENT_MS = 5000; // the engine sends figures twice a second; silence means that it is gone
const STATS_MS = 1000;
const MOST_BITS_PER_S = 4_000_000;
const START_KBITS_PER_S = 2000; // Chromium begins at 300 and shrinks the picture until it has found its pace

const CAMERA_PROBLEMS = {
  NotAllowedError: ["The camera was refused", "Allow this page to use the camera (beside the address), then try again."],
  NotFoundError: ["No camera was found", "Plug one in, or draw a picture or clip instead."],
  NotReadableError: ["The camera is in use by another program", "Close that program, then try again."],
  OverconstrainedError: ["The camera does not have this resolution", "Choose another camera or resolution."],
};

export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput");
}

export class Call {
  constructor({ look, wishes }, tell) {
    Object.assign(this, { look, wishes, tell });
    this.session = null;
    this.isOver = false;
    this.delay = {};
  }

  async start() {
    try {
      this.tell.connecting("Waiting for the camera");
      this.camera = await openCamera(this.wishes);
      if (this.isOver) return this.#release();
      this.tell.camera(this.camera);
      this.tell.connecting("Connecting to the engine");
      await this.#connect();
    } catch (problem) {
      this.#end(problem.message ? problem : { message: String(problem) });
    }
  }

  send(changes) {
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify(changes));
  }

  close() {
    if (this.session && !this.isOver) {
      fetch(`sessions/${this.session}`, { method: "DELETE", keepalive: true }).catch(() => {});
    }
    this.#end(null);
  }

  async #connect() {
    const peer = (this.peer = new RTCPeerConnection());
    this.channel = peer.createDataChannel("looks and figures");
    this.channel.onmessage = (event) => this.#take(JSON.parse(event.data));
    this.channel.onclose = () => this.#lost();
    peer.onconnectionstatechange = () => peer.connectionState === "failed" && this.#lost();
    peer.ontrack = ({ track, receiver }) => {
      receiver.jitterBufferTarget = 0; // newest picture first: a live mirror must not lag
      track.onunmute = () => this.#live(new MediaStream([track]));
      if (!track.muted) track.onunmute();
    };
    const [track] = this.camera.getVideoTracks();
    track.onended = () => this.#end({ message: "The camera was unplugged", hint: "Plug it in again, then try again." });
    const transceiver = peer.addTransceiver(track, { direction: "sendrecv", sendEncodings: [{ maxBitrate: MOST_BITS_PER_S }] });
    this.sender = transceiver.sender;
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const answer = await offer(peer.localDescription.sdp, this.look);
    if (this.isOver) return;
    this.session = answer.session;
    await peer.setRemoteDescription({ type: "answer", sdp: withStartRate(answer.sdp) });
    this.heard = performance.now();
    this.watch = setInterval(() => this.#watch(), STATS_MS);
  }

  #live(stream) {
    if (this.isLive || this.isOver) return;
    this.isLive = true;
    this.tell.live(stream);
  }

  #take(message) {
    this.heard = performance.now();
    if (message.look) this.tell.look(message.look);
    if (message.figures) {
      const { engine_ms } = this.delay;
      this.delay.engine_ms = message.figures.latency_p50_ms;
      this.tell.figures({ ...message.figures, delay_ms: engine_ms === undefined ? undefined : this.#delay() });
    }
    if (message.problem?.final) this.#end(message.problem);
    else if (message.problem) this.tell.note(message.problem);
  }

  #delay() {
    const { engine_ms = 0, network_ms = 0, browser_ms = 0 } = this.delay;
    return engine_ms + network_ms + browser_ms;
  }

  async #watch() {
    if (performance.now() - this.heard > SILENT_MS) return this.#lost();
    const reports = [...(await this.peer.getStats()).values()];
    const of = (type) => reports.find((report) => report.type === type && report.kind !== "audio") ?? {};
    const pair = reports.find((report) => report.type === "candidate-pair" && report.nominated) ?? {};
    const each = (seconds, count) => (count ? (1000 * seconds) / count : 0);
    const [sent, seen] = [of("outbound-rtp"), of("inbound-rtp")];
    this.delay.network_ms = 1000 * (pair.currentRoundTripTime ?? 0);
    this.delay.browser_ms =
      each(sent.totalEncodeTime, sent.framesEncoded) + each(sent.totalPacketSendDelay, sent.packetsSent) +
      each(seen.jitterBufferDelay, seen.jitterBufferEmittedCount) + each(seen.totalDecodeTime, seen.framesDecoded);
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
    this.peer?.close();
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

async function offer(sdp, look) {
  const body = JSON.stringify({ type: "offer", sdp, look });
  const answer = await fetch("offer", { method: "POST", headers: { "Content-Type": "application/json" }, body }).catch(() => {
    throw { message: "The server does not answer", hint: "Is animecam serve still running?" };
  });
  const content = await answer.json();
  if (!answer.ok) throw content;
  return content;
}

function gathered(peer) {
  return new Promise((resolve) => {
    const check = () => peer.iceGatheringState === "complete" && resolve();
    peer.addEventListener("icegatheringstatechange", check);
    setTimeout(resolve, GATHER_MS);
    check();
  });
}

function withStartRate(sdp) {
  const video = sdp.match(/^m=video \S+ \S+ (\d+)/m);
  if (!video) return sdp;
  const rate = `x-google-start-bitrate=${START_KBITS_PER_S}`;
  const line = new RegExp(`^(a=fmtp:${video[1]} .*?)\\r?$`, "m");
  if (line.test(sdp)) return sdp.replace(line, `$1;${rate}\r`);
  return sdp.replace(new RegExp(`^(a=rtpmap:${video[1]} .*?)\\r?$`, "m"), `$1\r\na=fmtp:${video[1]} ${rate}\r`);
}
