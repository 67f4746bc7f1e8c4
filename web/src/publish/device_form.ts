import { element, part } from '../lib/dom.ts';
import { canShareScreen, listDevices } from './capture.ts';
import type { Choice } from './picture_source.ts';
import { qualities, qualityOf, usualQuality } from './quality.ts';

const noSound = 'none';

/* Source, camera, sound and quality, as chosen. */
export class DeviceForm {
  #form: HTMLFormElement;
  #camera: HTMLSelectElement;
  #microphone: HTMLSelectElement;
  #quality: HTMLSelectElement;

  constructor(form: HTMLFormElement, changed: () => void) {
    this.#form = form;
    this.#camera = part('.camera-select', form);
    this.#microphone = part('.microphone-select', form);
    this.#quality = part('.quality-select', form);
    this.#quality.append(...qualities.map(({ id, label }) => element('option', { value: id }, label)));
    this.#quality.value = usualQuality(matchMedia('(max-width: 34rem), (max-height: 30rem)').matches).id;
    part<HTMLElement>('.sources', form).hidden = window.isSecureContext && !canShareScreen();
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('change', () => {
      this.#showFields();
      changed();
    });
    this.#fill(this.#camera, [], []);
    this.#fill(this.#microphone, [], [[noSound, 'No sound']]);
    navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.refresh());
  }

  get choice(): Choice {
    const source = new FormData(this.#form).get('source') === 'screen' ? 'screen' : 'camera';
    const microphone = this.#microphone.value === noSound ? null : this.#microphone.value;
    return { source, camera: this.#camera.value, microphone, quality: qualityOf(this.#quality.value) };
  }

  /* Names are told only after something was allowed: then `used` are the devices that were taken. */
  async refresh(used: { video: MediaStreamTrack | null; audio: MediaStreamTrack | null } = { video: null, audio: null }): Promise<void> {
    const [cameras, microphones] = await Promise.all([listDevices('videoinput'), listDevices('audioinput')]);
    this.#fill(this.#camera, cameras, [], used.video?.getSettings().deviceId);
    this.#fill(this.#microphone, microphones, [[noSound, 'No sound']], used.audio?.getSettings().deviceId);
    this.#showFields();
  }

  #showFields(): void {
    part<HTMLElement>('.camera-field', this.#form).hidden = this.choice.source === 'screen';
  }

  /* Keeps what was chosen, unless it is gone. */
  #fill(select: HTMLSelectElement, devices: { id: string; name: string }[], more: [string, string][], used?: string): void {
    const before = select.value;
    const usual: [string, string][] = devices.length === 0 ? [['', select === this.#camera ? 'Camera' : 'Microphone']] : [];
    const entries = [...usual, ...devices.map(({ id, name }): [string, string] => [id, name]), ...more];
    const known = entries.map(([id]) => id);
    select.replaceChildren(...entries.map(([value, name]) => element('option', { value }, name)));
    const chosen = [before === noSound ? noSound : used, before, known[0]].find((id) => id !== undefined && known.includes(id));
    select.value = chosen ?? '';
  }
}
