/* The list of renditions that media-chrome's quality menu reads from its media element: the shape of the "media tracks"
 * proposal (`videoRenditions`), reduced to what the menu uses. */
export interface Rendition {
  id: string;
  width: number;
  height: number;
  bitrate: number;
}

export function renditionName({ width, height }: { width: number; height: number }): string {
  return `${Math.min(width, height)}p`;
}

export class RenditionList extends EventTarget {
  [index: number]: Rendition;
  #entries: Rendition[] = [];
  #selected = -1;

  get length(): number {
    return this.#entries.length;
  }

  [Symbol.iterator](): Iterator<Rendition> {
    return this.#entries[Symbol.iterator]();
  }

  /* -1 leaves the choice to the player. */
  get selectedIndex(): number {
    return this.#selected;
  }

  set selectedIndex(index: number) {
    const chosen = index >= 0 && index < this.#entries.length ? index : -1;
    if (chosen === this.#selected) return;
    this.#selected = chosen;
    this.dispatchEvent(new Event('change'));
  }

  /* The same list again changes nothing: a rebuilt player keeps the viewer's choice. */
  replace(renditions: Rendition[]): void {
    const ids = (list: Rendition[]): string => list.map((rendition) => rendition.id).join();
    if (ids(renditions) === ids(this.#entries)) return;
    const before = this.#entries;
    this.#entries = renditions;
    for (const index of before.keys()) delete this[index];
    for (const [index, rendition] of renditions.entries()) this[index] = rendition;
    if (before.length > 0) this.dispatchEvent(new Event('removerendition'));
    this.dispatchEvent(new Event('addrendition'));
    this.selectedIndex = -1;
  }
}
