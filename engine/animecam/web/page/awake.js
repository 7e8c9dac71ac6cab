// Keeps the screen from going dark while somebody is live, where the browser can do that.

export class Awake {
  constructor() {
    this.isWanted = false;
    this.lock = null;
    document.addEventListener("visibilitychange", () => this.#take()); // the browser took it when the page was hidden
  }

  keep(isWanted) {
    this.isWanted = isWanted;
    if (isWanted) this.#take();
    else this.lock?.release();
  }

  async #take() {
    if (!this.#lacksOne) return;
    const lock = await navigator.wakeLock?.request("screen").catch(() => null); // refused where the battery is low
    if (this.#lacksOne) this.lock = lock;
    else lock?.release();
  }

  get #lacksOne() {
    const isHeld = this.lock && !this.lock.released;
    return this.isWanted && document.visibilityState === "visible" && !isHeld;
  }
}
