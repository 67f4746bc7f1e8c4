interface AppleVideo extends HTMLVideoElement {
  webkitCurrentPlaybackTargetIsWireless?: boolean; /* AirPlay: the picture is on another screen */
}

/* Changes with every frame on screen; where a session has no picture, or nobody counts its frames, with the time; before the
 * first of either, with what was loaded. */
export function progressMark(video: AppleVideo, started: boolean): number {
  if (!started) return video.buffered.length > 0 ? video.buffered.end(video.buffered.length - 1) : 0;
  const isShownHere = video.videoWidth > 0 && !video.webkitCurrentPlaybackTargetIsWireless;
  /* Safari counts none of a picture that its own HLS player shows. */
  return (isShownHere && video.getVideoPlaybackQuality?.().totalVideoFrames) || video.currentTime;
}

/* Seconds that lie ready after the picture on screen. */
export function bufferedAhead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let index = 0; index < buffered.length; index++)
    if (buffered.start(index) <= currentTime + 0.1 && currentTime < buffered.end(index))
      return buffered.end(index) - currentTime;
  return 0;
}
