const mostBytes = 500_000_000;

/* Why a file is not even tried; empty when it is. */
export function uploadFault({ name, size, type }: { name: string; size: number; type: string }): string {
  if (size === 0) return 'This file is empty.';
  if (size > mostBytes) return 'This file is larger than 500 MB.';
  if (!/\.(mp4|m4v|mov|webm|mkv)$/i.test(name) && !type.startsWith('video/')) return 'This is no MP4, WebM or Matroska video.';
  return '';
}

/* What a failed upload's answer means; `final`: the same file will not be taken later either. */
export function uploadRefusal(status: number): { text: string; final: boolean } {
  switch (status) {
    case 0:
      return { text: 'The connection was lost. What was sent is kept; try again when you are back.', final: false };
    case 401:
      return { text: 'Your invitation has run out. Open the link you were sent once more.', final: false };
    case 403:
      return { text: 'You may not upload recordings.', final: true };
    case 404:
    case 410:
      return { text: 'What was sent is not kept any more. Choose the file again.', final: true };
    case 409:
      return { text: 'Three uploads of yours go on already. Try again when one is done.', final: false };
    case 413:
      return { text: 'This file is too large.', final: true };
    case 400:
    case 415:
    case 422:
      return { text: 'This file cannot be played: it is no MP4, WebM or Matroska video, or it is broken.', final: true };
    case 429:
      return { text: 'There were too many uploads. Please try again in a while.', final: false };
    case 507:
      return { text: 'The server has no room left just now. Please try again later.', final: false };
    default:
      return { text: 'The server could not take it. What was sent is kept; please try again.', final: false };
  }
}
