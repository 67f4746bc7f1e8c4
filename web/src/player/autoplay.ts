/* Starts playing with sound if the browser lets a page do so, else without. */
export type StartedWith = 'sound' | 'silence' | 'nothing';

export async function startPlaying(video: HTMLVideoElement): Promise<StartedWith> {
  video.muted = false;
  if (await plays(video)) return 'sound';
  video.muted = true;
  return (await plays(video)) ? 'silence' : 'nothing';
}

async function plays(video: HTMLVideoElement): Promise<boolean> {
  try {
    await video.play();
    return true;
  } catch (error) {
    /* A load that interrupts play() is no refusal. */
    return !(error instanceof DOMException && error.name === 'NotAllowedError');
  }
}
