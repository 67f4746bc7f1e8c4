/* Changes with every frame on screen; where a session has no picture, with the sound; before the first of either, with
 * what was loaded. */
export function progressMark(video: HTMLVideoElement, started: boolean): number {
  if (!started) return video.buffered.length > 0 ? video.buffered.end(video.buffered.length - 1) : 0;
  if (video.videoWidth === 0 || typeof video.getVideoPlaybackQuality !== 'function') return video.currentTime;
  return video.getVideoPlaybackQuality().totalVideoFrames;
}

/* Seconds that lie ready after the picture on screen. */
export function bufferedAhead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let index = 0; index < buffered.length; index++)
    if (buffered.start(index) <= currentTime + 0.1 && currentTime < buffered.end(index))
      return buffered.end(index) - currentTime;
  return 0;
}
