// A picture or clip on its way to the engine and back.
import { ANSWER_MS } from "./again.js";

const POLL_MS = 400;
const RETRY_MS = 2000;
const MOST_LOST = 5; // questions without an answer before the server is given up: a network may change meanwhile
const MIB = 1024 * 1024;

export class Upload {
  constructor(file, look, limits, tell) {
    Object.assign(this, { file, look, limits, tell });
    this.job = null;
    this.lost = 0;
    this.isOver = false;
  }

  start() {
    if (this.file.size > this.limits.upload_bytes) {
      const most = Math.round(this.limits.upload_bytes / MIB);
      const hint = "Cut it, or convert it with: animecam convert";
      this.#fail({ message: `The file is larger than ${most} MiB`, hint, isFinal: true });
      return;
    }
    const query = new URLSearchParams({ name: this.file.name, look: JSON.stringify(this.look) });
    const request = (this.request = new XMLHttpRequest());
    request.open("POST", `jobs?${query}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => this.#progress("Sending", event.loaded / event.total);
    request.onload = () => (request.status === 201 ? this.#accepted(request.response) : this.#refused(request));
    request.onerror = () => this.#fail({ message: "The upload failed", hint: "Is animecam serve still running, and the file still there?" });
    request.send(this.file);
    this.#progress("Sending", 0);
  }

  close() {
    this.isOver = true;
    this.request?.abort();
    clearTimeout(this.timer);
    if (this.job) fetch(`jobs/${this.job.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  // The same file would be refused again, where it is too large or no media.
  #refused({ status, response }) {
    this.#fail(response && { ...response, isFinal: status === 413 || status === 415 });
  }

  #accepted(job) {
    this.job = job;
    if (this.isOver) return this.close();
    this.tell.accepted(job);
    this.#look(job);
  }

  #look(job) {
    if (this.isOver) return;
    if (job.state === "done") return this.tell.done(job);
    if (job.state === "failed") return this.#fail(job);
    const rate = job.fps >= 1 ? ` · ${Math.round(job.fps)} fps` : "";
    if (job.state === "waiting") this.tell.progress("Waiting for its turn", null);
    else this.#progress("Drawing", job.is_picture ? null : job.done, rate); // of a single frame there is no part
    this.timer = setTimeout(() => this.#poll(), POLL_MS);
  }

  async #poll() {
    const answer = await fetch(`jobs/${this.job.id}`, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
    const content = await answer?.json().catch(() => null);
    if (!content) return this.#unanswered();
    this.lost = 0;
    if (answer.ok) this.#look(content);
    else this.#fail(content);
  }

  #unanswered() {
    if (this.isOver) return;
    this.lost += 1;
    if (this.lost >= MOST_LOST) {
      this.#fail({ message: "The server does not answer", hint: "Is animecam serve still running?" });
    } else {
      this.tell.progress("The server does not answer; asking again", null);
      this.timer = setTimeout(() => this.#poll(), RETRY_MS);
    }
  }

  #progress(word, done, more = "") {
    if (this.isOver) return;
    const part = done === null ? "" : ` ${Math.floor(done * 100)} %`;
    this.tell.progress(`${word}${part}${more}`, done);
  }

  #fail(problem) {
    if (!this.isOver) this.tell.failed(problem ?? { message: "The upload failed" });
  }
}
