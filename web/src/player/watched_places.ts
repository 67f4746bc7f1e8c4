/* How far each recording was watched, for this tab: who reloads the page, or comes back to a recording, goes on there. */
const keyOf = (id: string): string => `porthole.place.${id}`;
const leastSeconds = 5; /* hardly begun … */
const mostLeftSeconds = 10; /* … and as good as seen: both begin anew */

export interface PlaceStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/* Storage may be forbidden or full: then every recording begins at its beginning. */
export class WatchedPlaces {
  #store: () => PlaceStore;

  constructor(store: () => PlaceStore = () => sessionStorage) {
    this.#store = store;
  }

  keep(id: string, seconds: number, duration: number): void {
    const isWorthKeeping = seconds >= leastSeconds && duration - seconds >= mostLeftSeconds;
    try {
      if (isWorthKeeping) this.#store().setItem(keyOf(id), seconds.toFixed(1));
      else this.#store().removeItem(keyOf(id));
    } catch {
      /* not kept */
    }
  }

  /* Seconds; 0 where nothing is known. */
  of(id: string): number {
    try {
      const seconds = Number(this.#store().getItem(keyOf(id)));
      return Number.isFinite(seconds) && seconds > 0 ? seconds : 0;
    } catch {
      return 0;
    }
  }
}
