// The way by WebRTC: the browser's own codecs over encrypted UDP, the shortest delay.
import { PAGE } from "./again.js";

const GATHER_MS = 1500; // longest wait for the browser's own addresses; there is no outside server to ask
const ANSWER_MS = 15_000; // to an offer; the server first ends what it still holds of a page that comes again
const CONNECT_MS = 6000; // from the answer to the first drawn frame
const MOST_BITS_PER_S = 4_000_000;
const START_KBITS_PER_S = 2000; // Chromium begins at 300 and shrinks the picture until it has found its pace

export class RtcLink {
  constructor(camera, look, tell) {
    Object.assign(this, { camera, look, tell });
    this.wayMs = undefined;
    this.counted = [{}, {}]; // what was sent and seen until the last measurement
  }

  // The drawn stream; null where no connection comes about.
  async open() {
    const peer = (this.peer = new RTCPeerConnection());
    this.channel = peer.createDataChannel("looks and figures");
    this.channel.onmessage = (event) => this.tell.message(event.data);
    this.channel.onclose = () => this.tell.lost();
    const drawn = new Promise((resolve) => {
      peer.ontrack = ({ track, receiver }) => {
        receiver.jitterBufferTarget = 0; // newest picture first: a live mirror must not lag
        track.onunmute = () => resolve(new MediaStream([track]));
      };
      peer.onconnectionstatechange = () => {
        if (peer.connectionState !== "failed") return;
        resolve(null);
        this.tell.lost();
      };
    });
    peer.addTransceiver(this.camera.getVideoTracks()[0], { direction: "sendrecv", sendEncodings: [{ maxBitrate: MOST_BITS_PER_S }] });
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    if (!peer.localDescription?.sdp.includes("a=candidate")) return null; // no network at all: not even this machine's own
    const answer = await offer(peer.localDescription.sdp, this.look);
    this.session = answer.session;
    if (this.isClosed) return this.close();
    await peer.setRemoteDescription({ type: "answer", sdp: withStartRate(answer.sdp) });
    return Promise.race([drawn, after(CONNECT_MS, null)]);
  }

  // Whether it could be sent.
  send(text) {
    const isOpen = this.channel?.readyState === "open";
    if (isOpen) this.channel.send(text);
    return isOpen;
  }

  delayMs(engineMs) {
    return this.wayMs === undefined ? undefined : this.wayMs + engineMs;
  }

  // What the way there and back takes without the engine, from the browser's own counts.
  async measure() {
    const reports = [...(await this.peer.getStats()).values()];
    const of = (type) => reports.find((report) => report.type === type) ?? {};
    const pair = reports.find((report) => report.type === "candidate-pair" && report.nominated) ?? {};
    const [sent, seen] = [of("outbound-rtp"), of("inbound-rtp")];
    const [sentBefore, seenBefore] = this.counted;
    if (seen.framesDecoded === seenBefore.framesDecoded) return; // nothing came: the last figure stands
    this.counted = [sent, seen];
    // Of what came since the last time: a mean of the whole session would hardly move any more.
    const each = (now, before, seconds, count) => {
      const more = (now[count] ?? 0) - (before[count] ?? 0);
      return more > 0 ? (1000 * ((now[seconds] ?? 0) - (before[seconds] ?? 0))) / more : 0;
    };
    this.wayMs =
      1000 * (pair.currentRoundTripTime ?? 0) +
      each(sent, sentBefore, "totalEncodeTime", "framesEncoded") + each(sent, sentBefore, "totalPacketSendDelay", "packetsSent") +
      each(seen, seenBefore, "jitterBufferDelay", "jitterBufferEmittedCount") + each(seen, seenBefore, "totalDecodeTime", "framesDecoded");
  }

  close() {
    this.isClosed = true;
    if (this.session) fetch(`sessions/${this.session}`, { method: "DELETE", keepalive: true }).catch(() => {});
    this.session = null;
    this.peer?.close();
    return null;
  }
}

async function offer(sdp, look) {
  const body = JSON.stringify({ type: "offer", sdp, look, page: PAGE });
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const answer = await fetch("offer", { method: "POST", headers, body, signal }).catch(() => null);
  const content = await answer?.json().catch(() => null); // a proxy whose server is gone answers in its own words
  if (!content) throw { message: "The server does not answer", hint: "Is animecam serve still running?", isPassing: true };
  if (!answer.ok) throw content;
  return content;
}

function gathered(peer) {
  const done = new Promise((resolve) => {
    const check = () => peer.iceGatheringState === "complete" && resolve();
    peer.addEventListener("icegatheringstatechange", check);
    check();
  });
  return Promise.race([done, after(GATHER_MS)]);
}

function after(milliseconds, value) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, value));
}

function withStartRate(sdp) {
  const video = sdp.match(/^m=video \S+ \S+ (\d+)/m);
  if (!video) return sdp;
  const rate = `x-google-start-bitrate=${START_KBITS_PER_S}`;
  const line = new RegExp(`^(a=fmtp:${video[1]} .*?)\\r?$`, "m");
  if (line.test(sdp)) return sdp.replace(line, `$1;${rate}\r`);
  return sdp.replace(new RegExp(`^(a=rtpmap:${video[1]} .*?)\\r?$`, "m"), `$1\r\na=fmtp:${video[1]} ${rate}\r`);
}
